"""A model as small as the work: quality against milliseconds and megabytes, python -m benchmarks.model_size CONFIG.

Each arm is an adapter tuned from the untuned model on the same examples, those of a configuration of `fewrec tune`, and
judged, the model alone, by NDCG@10 of the same validation lists: the model as the configuration has it, its first
layers only, less of the history shown, one question for all candidates, other models, and two steps, in
which few layers choose whom all of them then rank. After that all are timed in turns on the same lists, one at a time,
each loaded in a process of its own, with nothing of a prompt known before. A run that was broken off goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks.model_size.report import Row, plot, table
from benchmarks.model_size.timing import Loaded, Open, Part, in_own_process, in_turns
from benchmarks.results import picture
from benchmarks.tuned import Workbench, ndcg, parts_alone, redrawn, remembered
from evaluation.report.markdown import table_markdown
from evaluation.statistics.error_bars import Values
from evaluation.tuning.config import TuneConfig, TuneFile, load_tune_config
from evaluation.tuning.material import Material
from prompts.types import PromptContext
from ranking.settings import load_settings
from ranking.strategies.verdict import scores_of_order
from ranking.tuning.types import TuningExample

FULL = "all layers"


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """What differs from the configuration; None is nothing."""

    name: str
    layers: int | None = None
    history: int | None = None
    template: str | None = None
    model: str | None = None

    def of(self, config: TuneConfig) -> TuneConfig:
        """The configuration of this arm."""
        own = {"history_length": self.history, "template": self.template, "model": self.model}
        update: dict[str, object] = {name: value for name, value in own.items() if value is not None}
        if self.layers is not None:
            update["tuning"] = config.tuning.model_copy(update={"layers": self.layers})
        return config.model_copy(update=update)


_AS_IS = Arm(name=FULL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One adapter on all lists."""

    arm: str
    seed: int
    scores: tuple[tuple[float, ...], ...]
    """Of the candidates of each list."""


def arms(chosen: argparse.Namespace) -> list[Arm]:
    """All that are tuned, first the one that the others are compared with."""
    return [
        _AS_IS,
        *(Arm(name=few(n), layers=n) for n in chosen.layers),
        *(Arm(name=f"{n} past items", history=n) for n in chosen.histories),
        Arm(name="shared question", template="shared-question"),
        *(Arm(name=Path(model).name, model=model) for model in chosen.models),
    ]


def few(layers: int) -> str:
    """The arm of so many layers."""
    return f"first {layers} layers"


class Sizes:
    """Makes the points, remembers them in the output folder, and times what they were made with."""

    def __init__(
        self, chosen: argparse.Namespace, bench: Workbench, console: Console, open_ranker: Open = in_own_process
    ) -> None:
        self._chosen, self._bench, self._console, self._open = chosen, bench, console, open_ranker
        self._file = load_tune_config(chosen.config)
        self.folder = Path(chosen.output) / f"{self._file.config.name}-n{chosen.n}-lists{chosen.lists}"
        self._arms = {arm.name: arm for arm in arms(chosen)}
        self._gathered: dict[tuple[int | None, int], Material] = {}

    def rows(self) -> list[Row]:
        """What is told of each arm, those of two steps last."""
        points = self._points()
        seed = self._chosen.seeds[0]
        parts = {name: Part(loaded=name, contexts=self._timed(arm)) for name, arm in self._arms.items()}
        steps = {name: [name] for name in self._arms}
        scores: dict[str, list[Sequence[Sequence[float]]]] = {
            name: [points[name, seed].scores for seed in self._chosen.seeds] for name in self._arms
        }
        for layers in self._chosen.two_steps:
            first, second = few(layers), f"{layers} layers, then all"
            parts[second] = Part(loaded=FULL, contexts=self._best(points[first, seed]))
            steps[second] = [first, second]
            pairs = zip(scores[first], scores[FULL], strict=True)
            scores[second] = [two_steps(one, full, self._chosen.top) for one, full in pairs]
        models = {name: self._loaded(arm) for name, arm in self._arms.items()}
        weights, seconds = in_turns(models, parts, self._open, self._tell_timed)
        return [
            Row(
                name=name,
                ndcgs=np.mean([self._ndcgs(steps[name][0], found) for found in scores[name]], axis=0),
                seconds=np.sum([seconds[step] for step in steps[name]], axis=0),
                megabytes=sum(weights[parts[step].loaded].megabytes for step in steps[name]),
                parameters=sum(weights[parts[step].loaded].parameters for step in steps[name]),
            )
            for name in parts
        ]

    def _points(self) -> dict[tuple[str, int], Point]:
        keys = [(name, seed) for seed in self._chosen.seeds for name in self._arms]
        made = remembered(
            self.folder / "points.jsonl", Point, keys, lambda point: (point.arm, point.seed),
            lambda key: self._point(*key), self._tell,
        )  # fmt: skip
        return {(point.arm, point.seed): point for point in made}

    def _point(self, name: str, seed: int) -> Point:
        arm, folder = self._arms[name], self._adapter(name, seed)
        config, material = arm.of(self._file.config), self._material(arm, seed)
        tuning = config.tuning.model_copy(update={"seed": seed})
        self._bench.tune(config, tuning, material.examples, material.data, folder, None)
        judged = [example.context for example in self._lists(arm)]
        return Point(arm=name, seed=seed, scores=tuple(self._bench.scores(config, folder, judged)))

    def _tell(self, point: Point) -> None:
        self._console.print(f"{point.arm}, seed {point.seed}: {100 * self._ndcgs(point.arm, point.scores).mean():.1f}")

    def _tell_timed(self, what: str, done: int, total: int) -> None:
        self._console.print(f"{what}: {done} of {total}")

    def _ndcgs(self, name: str, scores: Sequence[Sequence[float]]) -> Values:
        lists = self._lists(self._arms[name])
        return np.array([ndcg(example, one) for example, one in zip(lists, scores, strict=True)])

    def _adapter(self, name: str, seed: int) -> Path:
        return self.folder / f"{name.replace(' ', '-')}-{seed}"

    def _loaded(self, arm: Arm) -> Loaded:
        config, settings = arm.of(self._file.config), self._bench.settings
        model = self._bench.model(config, self._adapter(arm.name, self._chosen.seeds[0]))
        return Loaded(
            model=model, template=config.template, language=config.language, cache=settings.cache,
            max_tokens=settings.prompt.max_tokens,
        )  # fmt: skip

    def _timed(self, arm: Arm) -> list[PromptContext]:
        return [example.context for example in self._lists(arm)[: self._chosen.timed]]

    def _best(self, point: Point) -> list[PromptContext]:
        """The lists that are timed, with the point's first candidates alone, as the full model is shown them."""
        return [
            replace(context, candidates=tuple(context.candidates[at] for at in best(scores, self._chosen.top)))
            for context, scores in zip(self._timed(_AS_IS), point.scores, strict=False)
        ]

    def _lists(self, arm: Arm) -> Sequence[TuningExample]:
        """Those of the configuration's own seed, whatever the seed of the examples is."""
        return self._material(arm, self._file.config.seed).validation

    def _material(self, arm: Arm, seed: int) -> Material:
        if (key := (arm.history, seed)) not in self._gathered:
            file = TuneFile(config=arm.of(self._file.config), base=self._file.base)
            chosen = redrawn(file, seed=seed, validation=self._chosen.lists, n=self._chosen.n)
            self._gathered[key] = self._bench.material(chosen, None)
        return self._gathered[key]


def best(scores: Sequence[float], n: int) -> list[int]:
    """Places of the n highest scores, the highest first; equal ones in their order."""
    return sorted(range(len(scores)), key=lambda at: -scores[at])[:n]


def two_steps(firsts: Sequence[Sequence[float]], full: Sequence[Sequence[float]], top: int) -> list[tuple[float, ...]]:
    """Scores by list where the first ranker's top places are ordered by the second; the others follow in its order."""
    found = []
    for first, second in zip(firsts, full, strict=True):
        order = best(first, len(first))
        order[:top] = sorted(order[:top], key=lambda at: -second[at])
        found.append(scores_of_order(order))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Makes what is missing, times, and prints the table as Markdown and where the plot is."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.model_size", description=__doc__)
    parser.add_argument("config", help="a tuning configuration: a file, or the name of a shipped one")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--n", type=int, default=512, help="examples that every arm is tuned on")
    parser.add_argument("--lists", type=int, default=200, help="lists that every arm is judged by")
    parser.add_argument("--timed", type=int, default=30, help="of these, lists that are timed")
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0], help="of examples and tuning; times are the first's"
    )
    parser.add_argument("--layers", type=int, nargs="*", default=[25, 20, 15], help="first layers that are kept")
    parser.add_argument(
        "--two-steps", type=int, nargs="*", default=[20, 15], help="of --layers, those that choose first"
    )
    parser.add_argument("--top", type=int, default=10, help="candidates of the second step")
    parser.add_argument("--histories", type=int, nargs="*", default=[4], help="past items shown")
    parser.add_argument("--models", nargs="*", default=[], metavar="NAME", help="other models, by name or folder")
    parser.add_argument("--output", type=Path, default=Path("runs/model-size"))
    chosen, console = parser.parse_args(arguments), Console(soft_wrap=True)
    if not set(chosen.two_steps) <= set(chosen.layers):
        parser.error("--two-steps names layers that are not among --layers")
    sizes = Sizes(chosen, Workbench(load_settings(), parts_alone(), console, chosen.data_dir), console)
    rows = sizes.rows()
    shown = "\n\n".join([table_markdown(table(rows)), picture(plot(rows), "model-size", sizes.folder / "images")])
    (sizes.folder / "results.md").write_text(shown + "\n", encoding="utf-8")
    console.print(shown, markup=False, highlight=False)
    return 0
