"""Every metric of every arm on the same cases, with intervals and differences to the baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from evaluation.metrics.columns import Table
from evaluation.metrics.protocol import Metric, PooledMetric
from evaluation.metrics.types import Judged, Values
from evaluation.statistics.compare import Comparison, comparison_of, paired_differences, sign_flip
from evaluation.statistics.error_bars import Estimate, estimate_of, mean_intervals
from evaluation.statistics.pooled import pooled_comparison, pooled_estimate

_CELLS = 4_000_000
"""Values that are resampled together: 32 MB."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Draws:
    """How much is drawn, and from what."""

    seed: int
    resamples: int
    test: bool = True
    """Whether the randomisation test is wanted; without it p is None."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """One metric of one arm."""

    estimate: Estimate
    comparison: Comparison | None
    """None for the baseline, or without one."""


def verdicts(
    arms: Mapping[str, Table], metrics: Sequence[Metric], *, baseline: str | None, draws: Draws
) -> dict[str, dict[str, Verdict]]:
    """By arm, then metric. The tables hold one scenario, sorted by case; a case that an arm lacks is undefined."""
    cases = _all_cases(list(arms.values()))
    judged = {name: _spread(table, cases) for name, table in arms.items()}
    by_metric: dict[str, dict[str, Verdict]] = {}
    simple = [metric for metric in metrics if metric.per_case]
    step = max(1, _CELLS // max(1, 2 * len(arms) * len(cases)))
    for start in range(0, len(simple), step):
        by_metric |= _per_case(judged, simple[start : start + step], baseline=baseline, draws=draws)
    for metric in metrics:
        if isinstance(metric, PooledMetric):
            by_metric[metric.name] = _pooled(judged, metric, baseline=baseline, draws=draws)
    return {name: {metric.name: by_metric[metric.name][name] for metric in metrics} for name in arms}


def _all_cases(tables: Sequence[Table]) -> npt.NDArray[np.int32]:
    """Numbers of the cases that any arm has, by case id. The longest table nearly always holds all of them."""
    longest = max(tables, key=len)
    rest = np.setdiff1d(np.concatenate([table.case for table in tables]), longest.case)
    if len(rest) == 0:
        return longest.case
    names = longest.keys.cases.names()
    return np.array(sorted([*longest.case.tolist(), *rest.tolist()], key=names.__getitem__), dtype=np.int32)


def _spread(table: Table, cases: npt.NDArray[np.int32]) -> Judged:
    """What the metrics read, over all cases: one that the table lacks has neither target nor label."""
    judged = table.judged()
    if len(table) == len(cases):
        return judged
    places = np.empty(int(cases.max()) + 1 if len(cases) else 0, dtype=np.int64)
    places[cases] = np.arange(len(cases))
    where = places[table.case]
    missing = np.full(len(cases), np.nan)
    wide = Judged(
        rank=np.zeros(len(cases), dtype=np.int32),
        found=np.zeros(len(cases), dtype=np.bool_),
        asked=np.zeros(len(cases), dtype=np.bool_),
        label=missing.copy(),
        score=missing,
    )
    wide.rank[where], wide.found[where], wide.asked[where] = judged.rank, judged.found, judged.asked
    wide.label[where], wide.score[where] = judged.label, judged.score
    return wide


def _per_case(
    judged: Mapping[str, Judged], metrics: Sequence[Metric], *, baseline: str | None, draws: Draws
) -> dict[str, dict[str, Verdict]]:
    values = {(metric.name, name): metric.values(judged[name]) for metric in metrics for name in judged}
    pairs = [] if baseline is None else [key for key in values if key[1] != baseline]
    rivals = [values[metric, str(baseline)] for metric, _ in pairs]
    differences = paired_differences([values[pair] for pair in pairs], rivals)
    # Values and differences in one call: they share the resamples, which cost more than the sums.
    intervals = mean_intervals([*values.values(), *differences], seed=draws.seed, resamples=draws.resamples)
    p_values: Sequence[float | None] = [None] * len(pairs)
    if draws.test:
        p_values = sign_flip(differences, seed=draws.seed, resamples=draws.resamples)
    found = {key: estimate_of(values[key], interval) for key, interval in zip(values, intervals, strict=False)}
    compared = {
        pair: comparison_of(values[pair] - rival, interval, p, resamples=draws.resamples)
        for pair, rival, interval, p in zip(pairs, rivals, intervals[len(values) :], p_values, strict=True)
    }
    return {
        metric.name: {
            name: Verdict(estimate=found[metric.name, name], comparison=compared.get((metric.name, name)))
            for name in judged
        }
        for metric in metrics
    }


def _pooled(
    judged: Mapping[str, Judged], metric: PooledMetric, *, baseline: str | None, draws: Draws
) -> dict[str, Verdict]:
    found = {}
    for name, cases in judged.items():
        estimate = _estimate(cases, metric, draws)
        comparison = None
        if baseline is not None and name != baseline:
            comparison = _compare(cases, judged[baseline], metric, draws)
        found[name] = Verdict(estimate=estimate, comparison=comparison)
    return found


def _estimate(cases: Judged, metric: PooledMetric, draws: Draws) -> Estimate:
    known = cases.take(_labelled(cases))
    return pooled_estimate(
        metric.aggregate(known),
        partial(metric.weighted, known),
        n=len(known),
        undefined=len(cases) - len(known),
        seed=draws.seed,
        resamples=draws.resamples,
    )


def _compare(cases: Judged, baseline: Judged, metric: PooledMetric, draws: Draws) -> Comparison:
    shared = _labelled(cases) & _labelled(baseline)
    left, right = metric.align(cases.take(shared)), metric.align(baseline.take(shared))
    value, baseline_value = metric.aggregate(left), metric.aggregate(right)
    return pooled_comparison(
        None if value is None or baseline_value is None else value - baseline_value,
        partial(metric.weighted, left),
        partial(metric.weighted, right),
        partial(metric.weighted, _joined(left, right)),
        n=len(left),
        undefined=len(cases) - len(left),
        seed=draws.seed,
        resamples=draws.resamples,
        test=draws.test,
    )


def _labelled(cases: Judged) -> npt.NDArray[np.bool_]:
    known: npt.NDArray[np.bool_] = ~np.isnan(cases.label) & ~np.isnan(cases.score)
    return known


def _joined(left: Judged, right: Judged) -> Judged:
    def both(first: Values, second: Values) -> Values:
        return np.concatenate([first, second])

    return Judged(
        rank=np.concatenate([left.rank, right.rank]),
        found=np.concatenate([left.found, right.found]),
        asked=np.concatenate([left.asked, right.asked]),
        label=both(left.label, right.label),
        score=both(left.score, right.score),
    )
