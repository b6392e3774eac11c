"""A mean over cases with its 95% interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from evaluation.statistics.draws import affordable, bootstrap_counts
from evaluation.statistics.grid import on_grid

Values = npt.NDArray[np.float64]

TAIL = 0.025
"""What a 95% interval leaves out on each side."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A number with its interval. None where the cases cannot give it: all without cases, the bounds with one case."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    """Cases with a value."""
    undefined: int
    """Cases without one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A 95% interval; None where there are fewer than two cases."""

    low: float | None
    high: float | None


def estimates(columns: Sequence[Values], *, seed: int, resamples: int = 10_000) -> list[Estimate]:
    """The mean of each column, shape (n,), over its values that are not NaN, with a BCa bootstrap interval."""
    intervals = mean_intervals(columns, seed=seed, resamples=resamples)
    return [estimate_of(column, interval) for column, interval in zip(columns, intervals, strict=True)]


def estimate_of(column: Values, interval: Interval) -> Estimate:
    """The mean of a column's values that are not NaN, with an interval that is known."""
    defined = column[~np.isnan(column)]
    return Estimate(
        value=float(defined.mean()) if len(defined) else None,
        low=interval.low,
        high=interval.high,
        n=len(defined),
        undefined=len(column) - len(defined),
    )


def mean_intervals(columns: Sequence[Values], *, seed: int, resamples: int) -> list[Interval]:
    """Interval of each column's mean over its values that are not NaN. Columns defined on the same cases share draws.

    Bias-corrected and accelerated percentiles (Efron 1987), the acceleration being that of a mean: its skewness / 6.
    """
    intervals = [Interval(low=None, high=None)] * len(columns)
    for group in same_cases(columns):
        values = on_grid(np.stack([columns[index][group.mask] for index in group.members], axis=1))
        if len(values) < 2:
            continue
        means = resampled_means(values, seed=seed, resamples=resamples)
        for place, index in enumerate(group.members):
            intervals[index] = _bca(means[:, place], values[:, place])
    return intervals


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Columns that are defined on the same cases."""

    mask: npt.NDArray[np.bool_]
    members: tuple[int, ...]


def same_cases(columns: Sequence[Values]) -> list[Group]:
    """Columns by the cases on which they are not NaN, so that they can be resampled together."""
    members: dict[bytes, list[int]] = {}
    masks: dict[bytes, npt.NDArray[np.bool_]] = {}
    for index, column in enumerate(columns):
        mask = ~np.isnan(column)
        key = np.packbits(mask).tobytes()
        members.setdefault(key, []).append(index)
        masks[key] = mask
    return [Group(mask=masks[key], members=tuple(indices)) for key, indices in members.items()]


def resampled_means(values: Values, *, seed: int, resamples: int) -> Values:
    """Means of bootstrap resamples of values on a grid: shape (n, m) to (b, m), b as `affordable` tells."""
    drawn = affordable(len(values), resamples)
    blocks = [counts @ values for counts in bootstrap_counts(len(values), seed=seed, resamples=drawn)]
    sums: Values = np.concatenate(blocks)
    return sums / len(values)


def percentiles(statistics: Values) -> Interval:
    """The plain 95% percentile interval of resampled statistics, NaN left out; None where all are NaN."""
    known = statistics[~np.isnan(statistics)]
    if len(known) == 0:
        return Interval(low=None, high=None)
    low, high = np.quantile(known, [TAIL, 1 - TAIL])
    return Interval(low=float(low), high=float(high))


def _bca(means: Values, values: Values) -> Interval:
    centred = values - values.mean()
    spread = float((centred**2).sum())
    below = float((means < values.mean()).mean() + (means <= values.mean()).mean()) / 2
    if spread == 0 or below in {0.0, 1.0}:
        return percentiles(means)
    bias = ndtri(below)
    acceleration = float((centred**3).sum()) / (6 * spread**1.5)
    ends = bias + ndtri(np.array([TAIL, 1 - TAIL]))
    low, high = np.quantile(means, ndtr(bias + ends / (1 - acceleration * ends)))
    return Interval(low=float(low), high=float(high))
