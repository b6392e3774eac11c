"""What the LLM shall see of a list: one adapter for each way to show it, all judged by the same lists.

Each arm of shown.py tunes an adapter of its own on the same moments, with the same candidates, and is judged by
NDCG@10 on lists of users whom the test does not ask, put into words just as its examples were. Beside the model alone
stands the score that joins it with retrieval's signals, by weights fitted on the other half of the lists: so evidence
that is written into the prompt can be held against the same evidence added outside it. A run that was broken off goes
on arm by arm.
Example: python -m benchmarks.prompt_arms ml-100k --data-dir FOLDER --arms titles "history 5" digits
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from rich.console import Console

from benchmarks.alone import alone
from benchmarks.prompt_arms.lists import Lists, gather_lists
from benchmarks.prompt_arms.shown import ARMS, DIGITS
from benchmarks.tuned import Workbench, difference, markdown, ndcg, parts_alone, remembered
from evaluation.baselines.types import MIN_FITTING_CASES
from evaluation.statistics.error_bars import Values
from evaluation.tuning.config import FusionConfig, TuneFile, load_tune_config
from evaluation.tuning.fusion import FusionCase, fit_fusion, fit_in_two
from prompts.template import Template, load_template
from prompts.texts import collect
from prompts.types import PromptContext
from ranking.fusion import fuse
from ranking.settings import FusionWeights, ModelSettings, load_settings
from ranking.shipped import SHIPPED_FOLDER
from ranking.tuning.types import TuningExample

SIGNALS = "no LLM"
PASS_TOKENS = 1024
"""A pass holds a whole list of any arm: with four demonstrations one of 512 tokens would hold one candidate at a time,
each with all that candidates share."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """What a model made of one list, and what that took."""

    scores: tuple[float, ...]
    tokens: int
    seconds: float


ReadLists: TypeAlias = Callable[[ModelSettings, Path, Template, int, Sequence[PromptContext]], list[Read]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One adapter."""

    arm: str
    seed: int
    ndcgs: tuple[float, ...] = ()
    """NDCG@10 of the model alone by list; empty for the signals, and for an arm that shows what the first one shows."""
    fused: tuple[float, ...] = ()
    """The same with retrieval's signals added; empty where there are too few lists to fit weights on."""
    tokens: float | None = None
    """Mean number of tokens that the model reads of a list: what its candidates share, and each of them."""
    seconds: float | None = None
    """Median time of a list, so that other work on the machine and the first list, which is slow, count little."""

    @property
    def key(self) -> tuple[str, int]:
        """What no two points share."""
        return self.arm, self.seed


def read_lists(
    model: ModelSettings, cache: Path, template: Template, max_tokens: int, contexts: Sequence[PromptContext]
) -> list[Read]:
    """One list after the other, as they are served."""
    from ranking.engines.transformers import TransformersEngine
    from ranking.strategies.yes_no import YesNo

    async def read(strategy: YesNo) -> list[Read]:
        found = []
        for context in contexts:
            started = time.perf_counter()
            [verdict] = await strategy.score([context])
            seconds = time.perf_counter() - started
            found.append(Read(scores=verdict.scores, tokens=verdict.prompt_tokens, seconds=seconds))
        return found

    with closing(TransformersEngine(model, cache)) as engine:
        return asyncio.run(read(YesNo(engine, template, max_tokens)))


class PromptArms:
    """Makes the points and remembers them in the output folder."""

    def __init__(self, chosen: argparse.Namespace, file: TuneFile, bench: Workbench, read: ReadLists) -> None:
        self._chosen, self._file, self._bench, self._read = chosen, file, bench, read
        self._start = SHIPPED_FOLDER if chosen.start == "shipped" else None
        name = f"{file.config.name}-{chosen.start}-n{chosen.n}-lists{chosen.lists}"
        self._output = Path(chosen.output) / name
        self._lists: dict[int, Lists] = {}

    def points(self) -> list[Point]:
        """All of them; those that an earlier call made are read."""
        chosen = self._chosen
        plan = [(SIGNALS, 0), *((arm, seed) for seed in chosen.seeds for arm in chosen.arms)]

        def tell(point: Point) -> None:
            means = [f"{100 * np.mean(one):.1f}" if one else "–" for one in (point.ndcgs, point.fused)]
            self._bench.console.print(f"{point.arm}, seed {point.seed}: {means[0]} alone, {means[1]} with the signals")

        return remembered(
            self._output / "points.jsonl", Point, plan, lambda point: point.key, lambda key: self._point(*key), tell
        )

    def _point(self, arm: str, seed: int) -> Point:
        lists = self._gathered(self._chosen.seeds[0] if arm == SIGNALS else seed)
        first = self._chosen.arms[0]
        if arm == SIGNALS:
            return Point(arm=arm, seed=seed, fused=self._fused(lists.judged[first], lists.signals, None))
        judged, examples = lists.judged[arm], lists.examples[arm]
        template = load_template(self._file.config.template, self._file.config.language)
        same = alike(template, judged, lists.judged[first]) and alike(template, examples, lists.examples[first])
        if arm != first and same:
            return Point(arm=arm, seed=seed)
        config, settings = self._file.config, self._bench.settings
        adapter = self._output / f"{arm.replace(' ', '-')}-{seed}"
        tuning = config.tuning.model_copy(update={"seed": seed, "max_pass_tokens": PASS_TOKENS})
        self._bench.tune(config, tuning, examples, {}, adapter, self._start)
        contexts = [example.context for example in judged]
        model = self._bench.model(config, adapter)
        found = self._read(model, settings.cache, template, settings.prompt.max_tokens, contexts)
        scores = [one.scores for one in found]
        return Point(
            arm=arm,
            seed=seed,
            ndcgs=tuple(map(ndcg, judged, scores)),
            fused=self._fused(judged, lists.signals, scores),
            tokens=statistics.fmean(one.tokens for one in found),
            seconds=statistics.median(one.seconds for one in found),
        )

    def _fused(
        self, judged: Sequence[TuningExample], signals: Sequence[FusionCase], scores: Sequence[Sequence[float]] | None
    ) -> tuple[float, ...]:
        fused = crossed(signals, scores, self._file.config.fusion)
        return () if fused is None else tuple(map(ndcg, judged, fused))

    def _gathered(self, seed: int) -> Lists:
        if seed not in self._lists:
            chosen = self._chosen
            self._lists[seed] = gather_lists(
                self._file, self._bench, chosen.arms, n=chosen.n, n_judged=chosen.lists, seed=seed
            )
        return self._lists[seed]


def alike(template: Template, one: Sequence[TuningExample], other: Sequence[TuningExample]) -> bool:
    """Whether the lists read the same."""
    return all(
        collect(template, left.context, frozenset()) == collect(template, right.context, frozenset())
        for left, right in zip(one, other, strict=True)
    )


def crossed(
    cases: Sequence[FusionCase], scores: Sequence[Sequence[float]] | None, config: FusionConfig
) -> list[list[float]] | None:
    """The joined scores of each list, by weights fitted on the other half of the lists; None if these are too few."""
    if len(cases) // 2 < MIN_FITTING_CASES:
        return None
    halves = [range(start, len(cases), 2) for start in (0, 1)]
    weights = [
        _fitted([cases[at] for at in half], [scores[at] for at in half] if scores else None, config.l2)
        for half in halves
    ]
    return [
        [one.score for one in fuse(scores[at] if scores else None, case.signals, weights[1 - at % 2])]
        for at, case in enumerate(cases)
    ]


def _fitted(cases: Sequence[FusionCase], scores: Sequence[Sequence[float]] | None, l2: float) -> FusionWeights:
    if scores is None:
        return fit_fusion(cases, None, towards=FusionWeights(), l2=l2).weights
    return fit_in_two(cases, scores, (), l2=l2).weights


def table(points: Sequence[Point]) -> str:
    """Markdown: NDCG@10 x 100 of each arm alone and with the signals, paired differences, and what a list takes."""
    arms = list(dict.fromkeys(point.arm for point in points))
    own = {arm: [point for point in points if point.arm == arm] for arm in arms}
    alone_, fused = ({arm: _by_list(kind, own[arm]) for arm in arms} for kind in ("ndcgs", "fused"))
    first = next(arm for arm in arms if arm != SIGNALS)
    heads = [
        "shown", "NDCG@10", f"minus {first}", "with the signals", f"minus {first} with them", f"minus {SIGNALS}",
        "tokens of a list", "seconds",
    ]  # fmt: skip
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)]]
    for arm in arms:
        tokens, seconds = _mean([point.tokens for point in own[arm]]), _mean([point.seconds for point in own[arm]])
        lines.append([
            arm if arm == SIGNALS or alone_[arm] is not None else f"{arm} (the data have nothing of it)",
            _shown(alone_[arm]), difference(alone_[arm], alone_[first]),
            _shown(fused[arm]), difference(fused[arm], fused[first]), difference(fused[arm], fused.get(SIGNALS)),
            "–" if tokens is None else f"{tokens:.0f}", "–" if seconds is None else f"{seconds:.2f}",
        ])  # fmt: skip
    told = markdown(lines)
    if DIGITS in arms and fused[first] is not None:
        against = difference(alone_[DIGITS], fused[first])
        told += (
            f"\n\nEvidence in the prompt ({DIGITS}) minus evidence outside it ({first}, with the signals): {against}"
        )
    return told


def _by_list(kind: str, points: Sequence[Point]) -> Values | None:
    """Each list's mean over the seeds."""
    found = [values for point in points if (values := getattr(point, kind))]
    return np.mean(np.array(found), axis=0) if found else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def _shown(values: Values | None) -> str:
    return "–" if values is None else f"{100 * values.mean():.1f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Makes what is missing and prints the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.prompt_arms",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("config", help="a tuning configuration: a file, or the name of a shipped one")
    parser.add_argument("--data-dir", type=Path, help="folder with the data sets; else they are downloaded")
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=list(ARMS), help="the first is compared with")
    parser.add_argument("--n", type=int, default=256, help="examples that every arm tunes on")
    parser.add_argument("--start", choices=["untuned", "shipped"], default="shipped")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--lists", type=int, default=200, help="lists that every arm is judged by")
    parser.add_argument("--output", type=Path, default=Path("runs/prompt-arms"))
    chosen, console = parser.parse_args(arguments), Console(soft_wrap=True)
    bench = Workbench(load_settings(), parts_alone(), console, chosen.data_dir)
    arms = PromptArms(chosen, load_tune_config(chosen.config), bench, alone(read_lists))
    console.print(table(arms.points()), markup=False, highlight=False)
    return 0
