"""How many examples tuning needs, and which: quality against examples over several seeds.

Every point is an adapter of its own, tuned as `fewrec tune CONFIG` does and kept as it is after the last step, and
judged by NDCG@10 on the same validation lists, none of which it was tuned on. A run that was broken off goes on.
Example: python -m benchmarks.few_shot_curve amazon-games --data-dir FOLDER --sizes 16 64 256 --seeds 0 1 2
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import orjson
from rich.console import Console
from rich.table import Table

from evaluation.run.command import bars
from evaluation.tuning.config import SelectionName, TuneFile, load_tune_config
from evaluation.tuning.material import Material, gather
from evaluation.tuning.parts import Parts, real_parts
from prompts.template import load_template
from ranking.settings import ModelSettings, Settings, load_settings
from ranking.shipped import SHIPPED_FOLDER
from ranking.tuning.quality import ndcg_at
from ranking.tuning.types import Provenance, TuningExample

_POINTS = "points.jsonl"


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One adapter."""

    selection: str
    """"none" for the start, before any tuning."""
    size: int
    seed: int
    ndcg: float
    """Mean NDCG@10 over the validation lists."""
    n: int
    """Number of these lists."""


def plan(sizes: Sequence[int], seeds: Sequence[int], selections: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Selection, size and seed of every point; small ones first, so that a curve shows early."""
    yield "none", 0, 0
    for size in sorted(sizes):
        for seed in seeds:
            for selection in selections:
                yield selection, size, seed


class Curve:
    """Makes the points and remembers them in the output folder."""

    def __init__(self, chosen: argparse.Namespace, settings: Settings, parts: Parts, console: Console) -> None:
        self._chosen, self._settings, self._parts, self._console = chosen, settings, parts, console
        self._file = load_tune_config(chosen.config)
        config = self._file.config
        start = SHIPPED_FOLDER if chosen.start == "shipped" else None
        self._model = settings.model.model_copy(update={"name": config.model or settings.model.name, "adapter": start})
        self._template = load_template(config.template, config.language)

    def points(self) -> list[Point]:
        """All of them; those that an earlier call made are read."""
        path = self._chosen.output / _POINTS
        path.parent.mkdir(parents=True, exist_ok=True)
        known = [Point(**orjson.loads(line)) for line in path.read_bytes().splitlines()] if path.exists() else []
        made = {(point.selection, point.size, point.seed): point for point in known}
        for key in plan(self._chosen.sizes, self._chosen.seeds, self._chosen.selections):
            if key not in made:
                made[key] = self._point(*key)
                with path.open("ab") as file:
                    file.write(orjson.dumps(made[key]) + b"\n")
                self._console.print(f"{key[0]}, {key[1]} examples, seed {key[2]}: {100 * made[key].ndcg:.1f}")
        return [made[key] for key in plan(self._chosen.sizes, self._chosen.seeds, self._chosen.selections)]

    def _point(self, selection: str, size: int, seed: int) -> Point:
        judged = self._material("random", 1, self._file.config.seed).validation
        model = self._model
        if size:
            material = self._material(selection, size, seed)
            folder = self._chosen.output / f"{selection}-{size}-{seed}"
            self._tune(material, model, folder, seed)
            model = model.model_copy(update={"adapter": folder})
        contexts = [example.context for example in judged]
        scores = self._parts.score(model, self._settings.cache, self._template, self._budget, contexts)
        ndcg = statistics.fmean(_ndcg(example, found) for example, found in zip(judged, scores, strict=True))
        return Point(selection=selection, size=size, seed=seed, ndcg=ndcg, n=len(judged))

    @property
    def _budget(self) -> int:
        return self._settings.prompt.max_tokens

    def _material(self, selection: str, size: int, seed: int) -> Material:
        """The examples of this seed. Only the configuration's own seed gives the lists that all are judged by."""
        config = self._file.config
        examples = config.examples.model_copy(update={"n": size, "selection": selection})
        update = {
            "examples": examples,
            "seed": seed,
            "validation": self._chosen.validation,
            "fusion": config.fusion.model_copy(update={"fit": False}),
        }
        with bars(self._console) as progress:
            file = TuneFile(config=config.model_copy(update=update), base=self._file.base)
            return gather(file, self._settings, self._chosen.data_dir, progress)

    def _tune(self, material: Material, model: ModelSettings, folder: Path, seed: int) -> None:
        tuning = self._file.config.tuning.model_copy(update={"seed": seed})
        self._parts.tune(
            tuning, model, self._settings.cache, self._template, self._budget, material.examples, [], folder,
            provenance=Provenance(name=folder.name, data=material.data),
        )  # fmt: skip


def _ndcg(example: TuningExample, scores: Sequence[float]) -> float:
    ids = [item.item_id for item in example.context.candidates]
    return ndcg_at(10, scores, example.relevance, ids)


def table(points: Sequence[Point]) -> Table:
    """Mean and standard deviation over the seeds, times 100; the first row is the start."""
    shown = Table(title=f"Validation NDCG@10 x 100, {points[0].n} lists, mean and standard deviation over seeds")
    selections = list(dict.fromkeys(point.selection for point in points if point.size))
    for heading in ("examples", *selections):
        shown.add_column(heading, justify="right")
    shown.add_row("0", *[f"{100 * points[0].ndcg:.1f}"] * len(selections))
    for size in sorted({point.size for point in points if point.size}):
        cells = []
        for selection in selections:
            found = [100 * point.ndcg for point in points if (point.selection, point.size) == (selection, size)]
            spread = f" ± {statistics.stdev(found):.1f}" if len(found) > 1 else ""
            cells.append(f"{statistics.fmean(found):.1f}{spread}")
        shown.add_row(f"{size:,}", *cells)
    return shown


def main(arguments: Sequence[str] | None = None) -> int:
    """Makes what is missing and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="a tuning configuration: a file, or the name of a shipped one")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[16, 64, 256, 512])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--selections", nargs="+", default=["random"], choices=get_args(SelectionName))
    parser.add_argument("--validation", type=int, default=300, help="lists that every adapter is judged by")
    parser.add_argument("--start", choices=["untuned", "shipped"], default="untuned")
    parser.add_argument("--output", type=Path, default=Path("runs/few-shot-curve"))
    console = Console()
    console.print(table(Curve(parser.parse_args(arguments), load_settings(), real_parts(), console).points()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
