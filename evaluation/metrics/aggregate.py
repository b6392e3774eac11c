"""A run's aggregates from its arms' columns. `evaluation.metrics.shape` documents every field.

The same for every order of arms, of cases, and however the cases were batched: arms are read by name, cases by scenario
and case id, every draw depends on the seed and the number of cases, and resampled sums are exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from evaluation.errors import EvaluationError, RunConfigError
from evaluation.metrics.beyond import Index, beyond, catalogue_places
from evaluation.metrics.bias import bias
from evaluation.metrics.ceiling import ceiling
from evaluation.metrics.columns import NOTHING, ArmColumns, Table
from evaluation.metrics.contract import contract
from evaluation.metrics.cost import cost, timing
from evaluation.metrics.facts import Facts
from evaluation.metrics.labelled import calibration
from evaluation.metrics.paired import Draws, Verdict, verdicts
from evaluation.metrics.protocol import Metric
from evaluation.metrics.registry import is_ranking
from evaluation.metrics.shape import (
    AggregateDict,
    ArmDict,
    ComparisonDict,
    EstimateDict,
    TimingDict,
)
from evaluation.metrics.slices import scenario_names, slices, tag_names
from evaluation.statistics.compare import Comparison, holm
from evaluation.types import FULL


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

    RunConfigError if the baseline is not among the arms or there are none, EvaluationError if a case came twice in an
    arm or the arms do not share their Keys.
    """
    _check(arms, baseline)
    places = catalogue_places(next(iter(arms.values())).keys, facts)
    tables: dict[str, Table] = {}
    described: dict[str, ArmDict] = {}
    for name in sorted(arms):
        table = arms[name].read()
        described[name] = _describe(arms[name], table, metrics, places, facts, seed, resamples)
        # The lists are the larger part of a table, and nothing below reads them.
        tables[name] = replace(table, top=np.zeros((len(table), 0), dtype=np.int32))
    full = {name: table.of_scenario(FULL) for name, table in tables.items()}
    judged = verdicts(full, metrics, baseline=baseline, draws=Draws(seed=seed, resamples=resamples))
    cut = slices(tables, metrics, baseline=baseline, seed=seed, resamples=resamples)
    for name, arm in described.items():
        arm["metrics"] = {metric: _estimate(verdict) for metric, verdict in judged[name].items()}
        arm["slices"] = cut[name]
    _add_comparisons(described, judged, metrics)
    return AggregateDict(
        baseline=baseline,
        metrics=[metric.name for metric in metrics],
        higher_is_better={metric.name: metric.higher_is_better for metric in metrics},
        seed=seed,
        resamples=resamples,
        scenarios=scenario_names(tables),
        tags=tag_names(full),
        arms=described,
    )


def compare_arms(
    arm: ArmColumns, baseline: ArmColumns, metric: Metric, *, seed: int, resamples: int = 10_000
) -> Comparison:
    """One comparison on scenario "full", such as a gate asks for; the same numbers as in `aggregate`."""
    _check({"arm": arm, "baseline": baseline}, "baseline")
    tables = {"arm": arm.read().of_scenario(FULL), "baseline": baseline.read().of_scenario(FULL)}
    judged = verdicts(tables, [metric], baseline="baseline", draws=Draws(seed=seed, resamples=resamples))
    comparison = judged["arm"][metric.name].comparison
    if comparison is None:
        raise EvaluationError(f"{metric.name} cannot be compared")  # pragma: no cover
    return comparison


def timings(arms: Mapping[str, ArmColumns]) -> dict[str, TimingDict]:
    """Wall time per case of all scenarios, by arm. Differs from run to run, so it is no part of `aggregate`."""
    return {name: timing(arms[name].seconds()) for name in sorted(arms)}


def _check(arms: Mapping[str, ArmColumns], baseline: str | None) -> None:
    if not arms:
        raise RunConfigError("there are no arms to aggregate; name at least one")
    if baseline is not None and baseline not in arms:
        raise RunConfigError(f"the baseline {baseline!r} is not among the arms: {', '.join(sorted(arms))}")
    if len({id(columns.keys) for columns in arms.values()}) > 1:
        raise EvaluationError("the arms were read with different Keys; give all ArmColumns of a run the same one")


def _describe(
    columns: ArmColumns,
    table: Table,
    metrics: Sequence[Metric],
    places: Index,
    facts: Facts,
    seed: int,
    resamples: int,
) -> ArmDict:
    """All of an arm that needs no other arm."""
    full = table.of_scenario(FULL)
    lists = full.take(np.flatnonzero(np.isnan(full.label)))
    probe = next((metric for metric in metrics if is_ranking(metric)), None)
    ranks = len(lists) > 0
    return ArmDict(
        n=len(full),
        metrics={},
        comparisons={},
        slices=[],
        beyond=beyond(lists, places, facts) if ranks else None,
        bias=bias(columns, lists, probe, seed=seed, resamples=resamples) if ranks else None,
        contract=contract(columns.totals),
        cost=cost(columns.totals),
        ceiling=ceiling(lists.judged(), metrics) if bool((lists.target != NOTHING).any()) else None,
        calibration=calibration(full.judged()),
    )


def _estimate(verdict: Verdict) -> EstimateDict:
    found = verdict.estimate
    return EstimateDict(value=found.value, low=found.low, high=found.high, n=found.n, undefined=found.undefined)


def _add_comparisons(
    described: Mapping[str, ArmDict], judged: Mapping[str, Mapping[str, Verdict]], metrics: Sequence[Metric]
) -> None:
    for metric in metrics:
        compared = {name: judged[name][metric.name].comparison for name in described}
        known = {name: comparison for name, comparison in compared.items() if comparison is not None}
        corrected = holm([comparison.p for comparison in known.values()])
        for (name, comparison), p_holm in zip(known.items(), corrected, strict=True):
            described[name]["comparisons"][metric.name] = _comparison(comparison, p_holm)


def _comparison(found: Comparison, p_holm: float | None) -> ComparisonDict:
    return ComparisonDict(
        difference=found.difference,
        low=found.low,
        high=found.high,
        p=found.p,
        p_holm=p_holm,
        n=found.n,
        undefined=found.undefined,
        detectable=found.detectable,
        resamples=found.resamples,
    )
