"""What a few labelled rows teach: AUC against the number of rows, python -m benchmarks.label_curve CONFIG.

Every point is an adapter tuned as `fewrec tune CONFIG` does, on so many validation rows, kept as it is after its last
step, and asked every test row. All see about as many lists, but each row at least once: a row becomes several where
there are few rows, and is seen more often. Beside the model alone stands the share of a history that was liked, which
knows the user and nothing of what is asked, and the sum of both, each standardised over the test rows. A run that was
broken off goes on.
Example: python -m benchmarks.label_curve tallrec-movie --data-dir FOLDER --sizes 16 64 256 --seeds 0 1 2
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from scipy.stats import zscore
from sklearn.metrics import roc_auc_score

from benchmarks.tuned import Workbench, markdown, parts_alone, redrawn, remembered, spread
from evaluation.baselines.simple import LikedShare
from evaluation.run.questions import Asking, open_questions
from evaluation.tuning.config import load_tune_config
from evaluation.tuning.examples import latest
from evaluation.tuning.material import as_evaluation
from evaluation.types import Case
from prompts.types import PromptContext
from ranking.settings import load_settings

_MOST_VIEWS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One adapter; size 0 is the model as it is."""

    size: int
    seed: int
    scores: tuple[float, ...]
    """Of each test row."""


class LabelCurve:
    """Makes the points and remembers them in the output folder."""

    def __init__(self, chosen: argparse.Namespace, bench: Workbench) -> None:
        self._chosen, self._bench = chosen, bench
        self._file = load_tune_config(chosen.config)
        config, settings = self._file.config, bench.settings
        self._folder = chosen.output / f"{config.name}-lists{chosen.lists}"
        asking = Asking(data_dir=bench.data_dir)
        with open_questions(as_evaluation(self._file, config), settings, asking, embedder=bench.embedder) as questions:
            self.cases = tuple(questions.case_set)
        shown = config.shown(settings.examples)
        self._asked = [
            PromptContext(
                history=latest(case.history, shown), candidates=case.candidates, lead_words=shown.lead_words
            )
            for case in self.cases
        ]  # fmt: skip

    def points(self) -> list[Point]:
        """All of them; those that an earlier call made are read."""
        chosen = self._chosen
        plan = [(0, 0), *((size, seed) for seed in chosen.seeds for size in chosen.sizes)]

        def tell(point: Point) -> None:
            found = aucs(self.cases, [point.scores])[0]
            self._bench.console.print(f"{point.size} rows, seed {point.seed}: AUC {100 * found:.1f}")

        return remembered(
            self._folder / "points.jsonl", Point, plan, lambda point: (point.size, point.seed),
            lambda key: self._point(*key), tell,
        )  # fmt: skip

    def _point(self, size: int, seed: int) -> Point:
        config, adapter = self._file.config, None
        if size:
            adapter = self._folder / f"{size}-{seed}"
            views, epochs = spent(size, self._chosen.lists)
            file = redrawn(self._file, seed=seed, validation=0, n=size, views=views)
            material = self._bench.material(file, None)
            tuning = config.tuning.model_copy(update={"seed": seed, "epochs": epochs})
            self._bench.tune(config, tuning, material.examples, material.data, adapter, None)
        scores = self._bench.scores(config, adapter, self._asked)
        return Point(size=size, seed=seed, scores=tuple(one for [one] in scores))


def spent(size: int, lists: int) -> tuple[int, int]:
    """Lists that each row becomes, and how often these are seen, so that about so many are seen in all."""
    views = max(1, min(_MOST_VIEWS, lists // size))
    return views, max(1, lists // (size * views))


def aucs(cases: Sequence[Case], scores: Sequence[Sequence[float]]) -> list[float]:
    """Area under the ROC curve of each row of scores."""
    labels = [case.label for case in cases]
    return [float(roc_auc_score(labels, one)) for one in scores]


def table(cases: Sequence[Case], points: Sequence[Point]) -> str:
    """Markdown: AUC x 100, mean and standard deviation over the seeds."""
    share = [float(scores[0]) for scores in LikedShare().score(cases)]
    lines = [
        ["rows", "the model alone", "the liked share alone", "both"],
        ["---:"] * 4,
    ]
    for size in sorted({point.size for point in points}):
        own = [point.scores for point in points if point.size == size]
        both = [np.asarray(zscore(one) + zscore(share)).tolist() for one in own]
        lines.append([str(size), spread(aucs(cases, own)), spread(aucs(cases, [share])), spread(aucs(cases, both))])
    return markdown(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Makes what is missing and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", help="a tuning configuration of labelled cases: a file, or the name of a shipped one")
    parser.add_argument("--data-dir", type=Path, help="folder with the data; else it is downloaded")
    parser.add_argument("--sizes", type=int, nargs="+", default=[16, 64, 256], help="rows that are tuned on")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--lists", type=int, default=256, help="lists that each adapter sees, counted again each time")
    parser.add_argument("--output", type=Path, default=Path("runs/label-curve"))
    chosen, console = parser.parse_args(arguments), Console(soft_wrap=True)
    curve = LabelCurve(chosen, Workbench(load_settings(), parts_alone(), console, chosen.data_dir))
    console.print(table(curve.cases, curve.points()), markup=False, highlight=False)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
