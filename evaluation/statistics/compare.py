"""The paired difference of two arms: interval, test, and what it could have shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from evaluation.statistics.draws import affordable, swaps
from evaluation.statistics.error_bars import Interval, mean_intervals, same_cases
from evaluation.statistics.grid import on_grid

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """An arm minus the baseline. None where the cases cannot give the number: all without cases, most with one case."""

    difference: float | None
    low: float | None
    """95% interval; needs two cases."""
    high: float | None
    p: float | None
    """Two-sided, of a randomisation test; never 0. Needs two cases."""
    n: int
    """Cases on which both arms have a value."""
    undefined: int
    """Cases on which one of them has none."""
    detectable: float | None
    """The smallest true difference that n cases show with 80% power at 5%, two-sided: 2.80 standard errors.

    None if the two arms differ by the same in every case, which says nothing of how much they could vary.
    """
    resamples: int
    """Of the bootstrap and of the test; fewer than asked for where there are many cases."""


def compare(values: Values, baseline_values: Values, *, seed: int, resamples: int = 10_000) -> Comparison:
    """Compare two arms over the same cases in the same order, shape (n,), NaN where undefined.

    The interval is a BCa bootstrap of the mean difference over cases. The test flips the sign of each case's difference
    at random, which is exact if swapping the two arms changes nothing; p = (as extreme + 1) / (resamples + 1).
    """
    return compare_many([values], [baseline_values], seed=seed, resamples=resamples)[0]


def compare_many(
    values: Sequence[Values],
    baseline_values: Sequence[Values],
    *,
    seed: int,
    resamples: int = 10_000,
    test: bool = True,
) -> list[Comparison]:
    """`compare` for many pairs at once; the same numbers, in much less time. Without `test`, p is None."""
    differences = paired_differences(values, baseline_values)
    intervals = mean_intervals(differences, seed=seed, resamples=resamples)
    p_values = sign_flip(differences, seed=seed, resamples=resamples) if test else [None] * len(differences)
    return [
        comparison_of(left - right, interval, p, resamples=resamples)
        for left, right, interval, p in zip(values, baseline_values, intervals, p_values, strict=True)
    ]


def comparison_of(differences: Values, interval: Interval, p: float | None, *, resamples: int) -> Comparison:
    """A comparison from the differences, NaN where undefined, and what is known of their mean."""
    defined = differences[~np.isnan(differences)]
    return Comparison(
        difference=float(defined.mean()) if len(defined) else None,
        low=interval.low,
        high=interval.high,
        p=p,
        n=len(defined),
        undefined=len(differences) - len(defined),
        detectable=detectable(defined),
        resamples=affordable(len(defined), resamples),
    )


def paired_differences(values: Sequence[Values], baseline_values: Sequence[Values]) -> list[Values]:
    """Arm minus baseline per case, NaN where either is. Both are first put on one grid, so equal ones cancel."""
    differences = []
    for left, right in zip(values, baseline_values, strict=True):
        if left.shape != right.shape:
            raise ValueError(f"the arms have {len(left)} and {len(right)} cases; pass the same cases in the same order")
        both = np.stack([left, right])
        defined = ~np.isnan(both).any(axis=0)
        exact = on_grid(both[:, defined].reshape(-1, 1)).reshape(2, -1)
        column = np.full(len(left), np.nan)
        column[defined] = exact[0] - exact[1]
        differences.append(column)
    return differences


def sign_flip(differences: Sequence[Values], *, seed: int, resamples: int) -> list[float | None]:
    """Two-sided p of each column of differences, NaN left out; None with fewer than two cases."""
    p_values: list[float | None] = [None] * len(differences)
    for group in same_cases(differences):
        values = on_grid(np.stack([differences[index][group.mask] for index in group.members], axis=1))
        if len(values) < 2:
            continue
        total = values.sum(axis=0)
        extreme = np.zeros(len(group.members), dtype=np.int64)
        drawn = affordable(len(values), resamples)
        for swapped in swaps(len(values), seed=seed, resamples=drawn):
            extreme += (np.abs(total - 2 * (swapped @ values)) >= np.abs(total)).sum(axis=0)
        for place, index in enumerate(group.members):
            p_values[index] = (int(extreme[place]) + 1) / (drawn + 1)
    return p_values


def detectable(differences: Values) -> float | None:
    """The smallest true mean that so many differences, spread like these, show with 80% power at 5%, two-sided."""
    if len(differences) < 2:
        return None
    spread = float(differences.std(ddof=1))
    return None if spread == 0 else float(ndtri(0.975) + ndtri(0.8)) * spread / len(differences) ** 0.5


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down correction (1979), in the order given; None stays None and does not count as a test."""
    known = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for place, (p, index) in enumerate(known):
        highest = max(highest, min(1.0, p * (len(known) - place)))
        corrected[index] = highest
    return corrected
