"""Tuning of the default model: examples a second, against the forward pass alone, and peak memory.

Lists of invented films, 1 relevant and 7 others behind 1 to 15 past ones, as tuning sees them: lists of many lengths,
which is what memory can grow by. Everything runs in a process of its own, so that its peak memory is that of tuning
alone. Run it alone: python -m benchmarks.tuning_speed
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import platformdirs
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.packed_scoring import example_prompt
from prompts.template import load_template
from prompts.types import PromptContext
from ranking.engines.packed_model import PackedModel, load_model
from ranking.settings import ModelSettings
from ranking.tuning.config import TuningSettings
from ranking.tuning.examples import Encoder, Schedule
from ranking.tuning.learner import Learner
from ranking.tuning.lora import Lora
from ranking.tuning.optimizer import Optimizer
from ranking.tuning.types import TuningExample
from retrieval.types import Item, PastItem

_MAX_BYTES = 3 * 1024**3
_MAX_SECONDS = 12 * 60 / 512
"""An example, so that 512 of them take at most 12 minutes."""


def example(number: int, n_candidates: int, n_history: int) -> TuningExample:
    """A list of invented films; the relevant one differs from list to list."""
    titles = [title.strip() for title in example_prompt(100, 0).branches]
    films = [Item(item_id=f"film-{index}", title=title, domain="films") for index, title in enumerate(titles)]
    shown = [films[(number * 31 + index * 7) % 100] for index in range(n_history + n_candidates)]
    history = tuple(PastItem(item=film, timestamp=float(at)) for at, film in enumerate(shown[:n_history]))
    return TuningExample(
        example_id=f"viewer-{number}",
        context=PromptContext(history=history, candidates=tuple(shown[n_history:])),
        relevance=tuple(float(index == number % n_candidates) for index in range(n_candidates)),
    )


def prepare_learner(core: PackedModel, settings: TuningSettings) -> tuple[Learner, Optimizer]:
    """An adapter put into the model, with what trains it."""
    lora = Lora(core.model, settings, seed=1)
    return Learner(core, settings, 4096, lambda: None), Optimizer(lora.parameters, settings, 1000)


def measure(chosen: argparse.Namespace, console: Console) -> int:
    """Prints the table; 1 if tuning is slower or takes more memory than it may."""
    settings = TuningSettings(max_pass_tokens=chosen.pass_tokens)
    core = load_model(ModelSettings(dtype=chosen.dtype), chosen.cache)
    lengths = [1 + number * 7 % (2 * chosen.history - 1) for number in range(chosen.examples)]
    lists = [example(number, chosen.candidates, length) for number, length in enumerate(lengths)]
    encoded = Encoder(load_template("sequential"), 2048, core.encoder, core.max_context).encode(lists, "examples")
    schedule = Schedule(encoded.examples, batch=settings.batch, epochs=1, steps=None, seed=0)
    learner, optimizer = prepare_learner(core, settings)
    forward, whole = [], []
    for step in range(-1, schedule.steps):  # the first warms up
        batch = schedule.batch(max(step, 0), None)
        began = time.perf_counter()
        learner.judge(batch)
        between = time.perf_counter()
        learner.learn(batch, max(step, 0))
        optimizer.step(max(step, 0))
        if step >= 0:
            forward.append((between - began) / len(batch))
            whole.append((time.perf_counter() - between) / len(batch))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    shapes = [one.prompt.shape for one in encoded.examples]
    tokens = statistics.mean(shape.prefix + sum(shape.branches) for shape in shapes)
    table = Table(
        title=f"Tuning: {len(lists)} lists of {chosen.candidates}, {tokens:.0f} tokens each on the mean, "
        f"{core.model.dtype}, {torch.get_num_threads()} threads"
    )
    for column in ("work", "examples/s", "s an example", "against forward"):
        table.add_column(column, justify="left" if column == "work" else "right")
    for name, seconds in (("forward pass", statistics.median(forward)), ("a step of tuning", statistics.median(whole))):
        table.add_row(name, f"{1 / seconds:.2f}", f"{seconds:.2f}", f"{seconds / statistics.median(forward):.1f} x")
    console.print(table)
    minutes = statistics.median(whole) * 512 / 60
    console.print(f"512 examples: {minutes:.1f} minutes. Peak memory of the process: {peak / 1024**3:.2f} GiB.")
    return int(statistics.median(whole) > _MAX_SECONDS or peak > _MAX_BYTES)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark in a new process; 1 if 512 examples take more than 12 minutes or memory exceeds 3 GiB."""
    parser = argparse.ArgumentParser(description="Speed and memory of few-shot tuning.")
    parser.add_argument("--examples", type=int, default=32)
    parser.add_argument("--candidates", type=int, default=8)
    parser.add_argument("--history", type=int, default=8)
    parser.add_argument("--dtype", choices=["auto", "float32", "bfloat16"], default="auto")
    parser.add_argument("--pass-tokens", type=int, default=TuningSettings().max_pass_tokens)
    parser.add_argument("--cache", type=Path, default=Path(platformdirs.user_cache_dir("fewrec")))
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = list(sys.argv[1:] if arguments is None else arguments)
    chosen = parser.parse_args(given)
    if not chosen.here:
        return subprocess.run(
            [sys.executable, "-m", "benchmarks.tuning_speed", *given, "--here"], check=False
        ).returncode
    return measure(chosen, Console(width=110))


if __name__ == "__main__":
    sys.exit(main())
