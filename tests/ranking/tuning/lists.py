"""Small examples for the tiny model: users who take what starts with the letter of their last item."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from prompts.template import Template, load_template
from prompts.types import PromptContext
from ranking.settings import ModelSettings
from ranking.tuning.config import TuningSettings
from ranking.tuning.trainer import tune
from ranking.tuning.types import Tuned, TuningExample
from retrieval.types import Item, PastItem

TITLES = ("Alien", "Aliens", "Big Fish", "Brazil", "Heat", "Hook", "Word play", "Wall")
MAX_TOKENS = 400


def item(title: str) -> Item:
    return Item(item_id=title.lower().replace(" ", "-"), title=title, domain="films")


def example(number: int, **changes: Any) -> TuningExample:
    """A list whose first candidate by letter is relevant; the place of the relevant one differs."""
    liked, wanted = TITLES[2 * (number % 4)], TITLES[2 * (number % 4) + 1]
    others = [title for title in TITLES if title not in {liked, wanted}]
    titles = [*others[: number % 6], wanted, *others[number % 6 :]]
    values: dict[str, Any] = {
        "example_id": f"user-{number}",
        "context": PromptContext(
            history=(PastItem(item=item(liked), timestamp=float(number)),), candidates=tuple(map(item, titles))
        ),
        "relevance": tuple(float(title == wanted) for title in titles),
    }
    return TuningExample(**values | changes)


def examples(n: int, start: int = 0) -> list[TuningExample]:
    return [example(number) for number in range(start, start + n)]


def template() -> Template:
    return load_template("sequential")


def settings(**changes: Any) -> TuningSettings:
    values = {
        "rank": 4, "alpha": 8, "learning_rate": 0.01, "batch": 2, "epochs": 2, "evaluate_every": 3,
        "checkpoint_every": 2, "max_negatives": 4, "seed": 7,
    }  # fmt: skip
    return TuningSettings(**values | changes)


def tune_tiny(tiny: Path, output: Path, **changes: Any) -> Tuned:
    """Tunes the tiny model on 6 lists, looking at 3 others; changes name arguments of tune or settings."""
    arguments: dict[str, Any] = {"examples": examples(6), "validation": examples(3, 6), "template": template()}
    arguments |= {name: changes.pop(name) for name in list(changes) if name in _ARGUMENTS}
    model = arguments.pop("model", ModelSettings(name=str(tiny), device="cpu", dtype="float32"))
    with one_thread():
        return tune(settings(**changes), model, tiny / "cache", max_tokens=MAX_TOKENS, output=output, **arguments)


@contextmanager
def one_thread() -> Iterator[None]:
    """On so small a model more threads would only wait for one another."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


_ARGUMENTS = {"examples", "validation", "template", "progress", "provenance", "model"}


class CrashError(Exception):
    """Stands for anything that ends a process at a bad moment."""


def weights_of(folder: Path) -> bytes:
    return (folder / "adapter_model.safetensors").read_bytes()
