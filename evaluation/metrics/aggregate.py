"""A run's aggregates from its arms' columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evaluation.metrics.columns import ArmColumns
from evaluation.metrics.facts import Facts
from evaluation.metrics.protocol import Metric
from evaluation.metrics.shape import AggregateDict, TimingDict
from evaluation.statistics.compare import Comparison


def aggregate(
    arms: Mapping[str, ArmColumns],
    metrics: Sequence[Metric],
    *,
    baseline: str | None,
    seed: int,
    facts: Facts,
    resamples: int = 10_000,
) -> AggregateDict:
    """Everything in metrics.json; the same for every order of arms and of their outcomes.

    RunConfigError if the baseline is not among the arms, EvaluationError if a case came twice in an arm.
    """
    raise NotImplementedError


def compare_arms(arm: ArmColumns, baseline: ArmColumns, metric: Metric, *, seed: int) -> Comparison:
    """One comparison on scenario "full", such as a gate asks for; the same numbers as in `aggregate`."""
    raise NotImplementedError


def timings(arms: Mapping[str, ArmColumns]) -> dict[str, TimingDict]:
    """Wall time per case, by arm."""
    raise NotImplementedError
