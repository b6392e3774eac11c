"""An arm's metrics on some of the cases: each scenario, and each tag among the cases of scenario "full"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.metrics.columns import Table
from evaluation.metrics.paired import Draws, Verdict, verdicts
from evaluation.metrics.protocol import Metric
from evaluation.metrics.shape import SliceDict, SliceMetricDict
from evaluation.types import FULL

_RESAMPLES = 2_000
"""Of a slice's intervals, at most: slices are for reading, the tests are on all cases."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Slice:
    """Some cases of every arm."""

    kind: str
    name: str
    arms: dict[str, Table]


def slices(
    arms: Mapping[str, Table],
    metrics: Sequence[Metric],
    *,
    baseline: str | None,
    seed: int,
    resamples: int,
) -> dict[str, list[SliceDict]]:
    """Every slice of every arm, scenarios first, then tags, each by name."""
    draws = Draws(seed=seed, resamples=min(resamples, _RESAMPLES), test=False)
    found: dict[str, list[SliceDict]] = {name: [] for name in arms}
    for each in all_slices(arms):
        judged = verdicts(each.arms, metrics, baseline=baseline, draws=draws)
        for name, table in each.arms.items():
            numbers = {metric: _numbers(verdict) for metric, verdict in judged[name].items()}
            found[name].append(SliceDict(kind=each.kind, name=each.name, n=len(table), metrics=numbers))
    return found


def scenario_names(arms: Mapping[str, Table]) -> list[str]:
    """Scenarios of which any arm has a case, sorted."""
    numbers = {int(number) for table in arms.values() for number in np.unique(table.scenario)}
    names = _table(arms).keys.scenarios.names()
    return sorted(names[number] for number in numbers)


def tag_names(arms: Mapping[str, Table]) -> list[str]:
    """Tags of which any arm has a case, sorted."""
    numbers = {int(number) for table in arms.values() for number in np.unique(table.tag_set)}
    names = _table(arms).keys.tag_sets.names()
    return sorted({tag for number in numbers for tag in _tags(names[number])})


def _table(arms: Mapping[str, Table]) -> Table:
    return next(iter(arms.values()))


def _tags(joined: str) -> list[str]:
    return joined.split("\n") if joined else []


def all_slices(arms: Mapping[str, Table]) -> Iterator[Slice]:
    """Every slice of a run, scenarios first (FULL among them), then the tags of FULL's cases, each by name."""
    for name in scenario_names(arms):
        yield Slice(kind="scenario", name=name, arms={arm: table.of_scenario(name) for arm, table in arms.items()})
    full = {arm: table.of_scenario(FULL) for arm, table in arms.items()}
    sets = [frozenset(_tags(joined)) for joined in _table(arms).keys.tag_sets.names()]
    for tag in tag_names(full):
        has = np.array([tag in tags for tags in sets], dtype=np.bool_)
        chosen = {arm: table.take(np.flatnonzero(has[table.tag_set])) for arm, table in full.items()}
        yield Slice(kind="tag", name=tag, arms=chosen)


def _numbers(verdict: Verdict) -> SliceMetricDict:
    estimate, comparison = verdict.estimate, verdict.comparison
    return SliceMetricDict(
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        n=estimate.n,
        undefined=estimate.undefined,
        difference=None if comparison is None else comparison.difference,
        difference_low=None if comparison is None else comparison.low,
        difference_high=None if comparison is None else comparison.high,
    )
