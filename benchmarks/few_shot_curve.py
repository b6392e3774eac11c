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

from rich.console import Console
from rich.table import Table

from benchmarks.tuned import Workbench, parts_alone, redrawn, remembered, spread
from evaluation.tuning.config import SelectionName, load_tune_config
from evaluation.tuning.material import Material
from ranking.settings import load_settings
from ranking.shipped import SHIPPED_FOLDER

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

    def __init__(self, chosen: argparse.Namespace, bench: Workbench, console: Console) -> None:
        self._chosen, self._bench, self._console = chosen, bench, console
        self._file = load_tune_config(chosen.config)
        self._start = SHIPPED_FOLDER if chosen.start == "shipped" else None
        self._folder = Path(chosen.output) / f"{self._file.config.name}-{chosen.start}-lists{chosen.validation}"

    def points(self) -> list[Point]:
        """All of them; those that an earlier call made are read."""
        chosen = self._chosen
        keys = list(plan(chosen.sizes, chosen.seeds, chosen.selections))
        return remembered(self._folder / _POINTS, Point, keys, _key, lambda key: self._point(*key), self._tell)

    def _tell(self, point: Point) -> None:
        self._console.print(f"{point.selection}, {point.size} examples, seed {point.seed}: {100 * point.ndcg:.1f}")

    def _point(self, selection: str, size: int, seed: int) -> Point:
        config = self._file.config
        judged = self._material("random", 1, config.seed).validation
        adapter = self._start
        if size:
            material = self._material(selection, size, seed)
            adapter = self._folder / f"{selection}-{size}-{seed}"
            tuning = config.tuning.model_copy(update={"seed": seed})
            self._bench.tune(config, tuning, material.examples, material.data, adapter, self._start)
        ndcg = statistics.fmean(self._bench.ndcgs(config, adapter, judged))
        return Point(selection=selection, size=size, seed=seed, ndcg=ndcg, n=len(judged))

    def _material(self, selection: str, size: int, seed: int) -> Material:
        """The examples of this seed. Only the configuration's own seed gives the lists that all are judged by."""
        file = redrawn(self._file, seed=seed, validation=self._chosen.validation, n=size, selection=selection)
        return self._bench.material(file, self._start)


def _key(point: Point) -> tuple[str, int, int]:
    return point.selection, point.size, point.seed


def table(points: Sequence[Point]) -> Table:
    """Mean and standard deviation over the seeds, times 100; the first row is the start."""
    shown = Table(title=f"Validation NDCG@10 x 100, {points[0].n} lists, mean and standard deviation over seeds")
    selections = list(dict.fromkeys(point.selection for point in points if point.size))
    for heading in ("examples", *selections):
        shown.add_column(heading, justify="right")
    shown.add_row("0", *[f"{100 * points[0].ndcg:.1f}"] * len(selections))
    for size in sorted({point.size for point in points if point.size}):
        cells = [
            spread([point.ndcg for point in points if (point.selection, point.size) == (selection, size)])
            for selection in selections
        ]
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
    chosen, console = parser.parse_args(arguments), Console()
    bench = Workbench(load_settings(), parts_alone(), console, chosen.data_dir)
    console.print(table(Curve(chosen, bench, console).points()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
