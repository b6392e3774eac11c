"""Whether an adapter may serve: a significant win over every rival, and no slice significantly worse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from evaluation.errors import RunMismatchError
from evaluation.gate import LEVEL, Verdict, decide, difference_sentence, parse_gate
from evaluation.metrics.aggregate import compare_arms
from evaluation.metrics.columns import ArmColumns, Table
from evaluation.metrics.paired import Draws, verdicts
from evaluation.metrics.registry import parse_metric
from evaluation.metrics.slices import all_slices
from evaluation.statistics.compare import Comparison, holm
from evaluation.types import FULL

METRIC = "ndcg@10"


@dataclass(frozen=True, kw_only=True, slots=True)
class Against:
    """The arm compared with one rival."""

    rival: str
    comparison: Comparison
    p: float | None
    """After Holm's correction over the rivals."""
    verdict: Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class WorseSlice:
    """Cases on which the arm is significantly worse than a rival."""

    name: str
    rival: str
    comparison: Comparison
    p: float
    """After Holm's correction over all slices and rivals."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """Whether the arm wins, and all numbers behind it."""

    against: tuple[Against, ...]
    """One for each rival, the last of them the signals."""
    worse: tuple[WorseSlice, ...]
    n_slices: int
    serving: Verdict | None = None
    """Whether what serves now beats the signals; None where nothing does that is in the run."""

    @property
    def promote(self) -> bool:
        """Whether it beats every rival and no slice is worse."""
        return all(one.verdict.passed for one in self.against) and not self.worse

    @property
    def llm_shown_worth_it(self) -> bool:
        """Whether the arm, or what serves now, beats the signals."""
        return self.against[-1].verdict.passed or (self.serving is not None and self.serving.passed)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was found, one sentence a comparison."""
        told = [one.verdict.sentence for one in self.against]
        for slice_ in self.worse:
            corrected_for = f"{self.n_slices} comparisons of slices"
            found = difference_sentence(METRIC, slice_.comparison, slice_.p, corrected_for)
            told.append(f"slice {slice_.name} is significantly worse than {slice_.rival}: {found}")
        if not self.worse:
            told.append(f"no slice is significantly worse ({self.n_slices} comparisons of slices)")
        if self.serving is not None:
            told.append(f"what serves now: {self.serving.sentence}")
        return tuple(told)


def decide_promotion(
    columns: Mapping[str, ArmColumns], arm: str, *, signals: str, serving: str | None = None, seed: int
) -> Decision:
    """Compares an arm with the signals and what serves on a run's cases. RunMismatchError if an arm lacks some of them.

    Wins are tested on all cases and corrected over the rivals; slices are tested two-sided and corrected over all
    slices and rivals, by Holm's procedure both.
    """
    rivals = [signals] if serving is None else [serving, signals]
    _check_finished({name: columns[name] for name in (arm, *rivals)})
    metric = parse_metric(METRIC)
    compared = [compare_arms(columns[arm], columns[rival], metric, seed=seed) for rival in rivals]
    against = tuple(
        Against(rival=rival, comparison=comparison, p=p, verdict=verdict)
        for rival, comparison, p, verdict in zip(
            rivals, compared, holm([one.p for one in compared]), _wins(arm, rivals, compared), strict=True
        )
    )
    found = _slices({name: _without_lists(columns[name].read()) for name in (arm, *rivals)}, arm, rivals, seed)
    corrected = holm([one.comparison.p for one in found])
    worse = tuple(
        WorseSlice(name=one.name, rival=one.rival, comparison=one.comparison, p=p)
        for one, p in zip(found, corrected, strict=True)
        if p is not None and p < LEVEL and one.comparison.difference is not None and one.comparison.difference < 0
    )
    kept = None
    if serving is not None:
        [kept] = _wins(serving, [signals], [compare_arms(columns[serving], columns[signals], metric, seed=seed)])
    return Decision(against=against, worse=worse, n_slices=sum(p is not None for p in corrected), serving=kept)


def _wins(arm: str, rivals: Sequence[str], compared: Sequence[Comparison]) -> list[Verdict]:
    gates = [parse_gate(f"{arm}.{METRIC} > {rival}.{METRIC}", [arm, rival]) for rival in rivals]
    return decide(gates, compared)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Compared:
    name: str
    rival: str
    comparison: Comparison


def _slices(tables: Mapping[str, Table], arm: str, rivals: Sequence[str], seed: int) -> list[_Compared]:
    metric, draws = parse_metric(METRIC), Draws(seed=seed, resamples=10_000)
    found = []
    for each in all_slices(tables):
        if (each.kind, each.name) == ("scenario", FULL):
            continue
        for rival in rivals:
            pair = {arm: each.arms[arm], rival: each.arms[rival]}
            comparison = verdicts(pair, [metric], baseline=rival, draws=draws)[arm][METRIC].comparison
            if comparison is not None:
                found.append(_Compared(name=f"{each.kind} {each.name}", rival=rival, comparison=comparison))
    return found


def _without_lists(table: Table) -> Table:
    return replace(table, top=np.zeros((len(table), 0), dtype=np.int32))


def _check_finished(columns: Mapping[str, ArmColumns]) -> None:
    most = max(len(read) for read in columns.values())
    for name, read in columns.items():
        if len(read) < most or most == 0:
            raise RunMismatchError(
                f"arm {name!r} has answered {len(read)} of {most} cases; the same fewrec evaluate command goes on"
            )
