"""Whether the order depends on what should not matter: place in the prompt, order of candidates, order of history."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from evaluation.metrics.columns import (
    NOTHING,
    REVERSED_CANDIDATES,
    SHUFFLED_CANDIDATES,
    SHUFFLED_HISTORY,
    ArmColumns,
    Table,
)
from evaluation.metrics.protocol import Metric
from evaluation.metrics.shape import AgreementDict, BiasDict, BucketDict
from evaluation.statistics.error_bars import estimates
from evaluation.types import FULL

_BUCKETS = 5
_RESAMPLES = 2_000
"""Of a bucket's interval, at most."""


def bias(columns: ArmColumns, full: Table, metric: Metric | None, *, seed: int, resamples: int) -> BiasDict:
    """The probes that the arm's scenarios allow. `full` holds its ranking cases of scenario "full"."""
    return BiasDict(
        metric=None if metric is None else metric.name,
        by_position=[] if metric is None else by_position(full, metric, seed=seed, resamples=resamples),
        shuffled_candidates=_agreement(columns, SHUFFLED_CANDIDATES),
        reversed_candidates=_agreement(columns, REVERSED_CANDIDATES),
        shuffled_history=_agreement(columns, SHUFFLED_HISTORY),
    )


def by_position(table: Table, metric: Metric, *, seed: int, resamples: int) -> list[BucketDict]:
    """The metric by the fifth of the shown list in which the target stood, first to last; empty if it never stood.

    Tells of bias only where candidates were shown in random order: in retrieval's order the place is a hint.
    """
    shown = table.target_position != NOTHING
    if not shown.any():
        return []
    known = table.take(np.flatnonzero(shown))
    fifth = (known.target_position.astype(np.int64) * _BUCKETS - 1) // known.n_candidates
    values = metric.values(known.judged())
    columns = [values[fifth == bucket] for bucket in range(_BUCKETS)]
    return [
        BucketDict(
            first=bucket / _BUCKETS,
            last=(bucket + 1) / _BUCKETS,
            n=estimate.n,
            value=estimate.value,
            low=estimate.low,
            high=estimate.high,
        )
        for bucket, estimate in enumerate(estimates(columns, seed=seed, resamples=min(resamples, _RESAMPLES)))
    ]


def _agreement(columns: ArmColumns, scenario: str) -> AgreementDict | None:
    changed = columns.orders[scenario].kept
    return agreement(columns.orders[FULL].kept, changed) if changed else None


def agreement(orders: Mapping[int, Sequence[int]], changed: Mapping[int, Sequence[int]]) -> AgreementDict:
    """Compare two orders of each case that both hold, over the items that both orders hold."""
    by_size: dict[int, list[list[int]]] = defaultdict(list)
    same_first = []
    for case in orders.keys() & changed.keys():
        place = {item: index for index, item in enumerate(orders[case])}
        places = [place[item] for item in changed[case] if item in place]
        by_size[len(places)].append(places)
        same_first.append(orders[case][:1] == changed[case][:1])
    taus = [kendall_tau(np.array(places)) for size, places in sorted(by_size.items()) if size >= 2]
    joined = np.concatenate(taus) if taus else np.zeros(0)
    return AgreementDict(
        n=len(same_first),
        tau=math.fsum(joined) / len(joined) if len(joined) else None,
        same_first=sum(same_first) / len(same_first) if same_first else None,
    )


def kendall_tau(places: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Kendall's tau of each row with the increasing order; shape (n, m), no two equal in a row, m at least 2.

    scipy.stats.kendalltau gives the same, one row at a time and a hundred times slower.
    """
    size = places.shape[1]
    agree = np.zeros(len(places), dtype=np.int64)
    for first in range(size - 1):
        agree += np.sign(places[:, first + 1 :] - places[:, first, None]).sum(axis=1)
    tau: npt.NDArray[np.float64] = agree / (size * (size - 1) / 2)
    return tau
