"""Interval and comparison for a number over all cases at once, such as AUC, which is no mean over cases."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from evaluation.statistics.compare import Comparison
from evaluation.statistics.draws import POOLED_WORK, affordable, bootstrap_counts, swaps
from evaluation.statistics.error_bars import Estimate, percentiles

Values = npt.NDArray[np.float64]
Weighted = Callable[[Values], Values]
"""The number under each row of case weights: shape (b, n) to (b,), NaN where it is undefined."""

_STANDARD_ERRORS = 2.8016
"""Of a difference that is shown with 80% power at 5%, two-sided."""


def pooled_estimate(
    value: float | None, weighted: Weighted, *, n: int, undefined: int, seed: int, resamples: int = 10_000
) -> Estimate:
    """The number over n cases with a percentile bootstrap interval; `value` None leaves all of them undefined."""
    if value is None:
        return Estimate(value=None, low=None, high=None, n=0, undefined=undefined + n)
    if n < 2:
        return Estimate(value=value, low=None, high=None, n=n, undefined=undefined)
    draws = bootstrap_counts(n, seed=seed, resamples=affordable(n, resamples, work=POOLED_WORK))
    interval = percentiles(np.concatenate([weighted(counts) for counts in draws]))
    return Estimate(value=value, low=interval.low, high=interval.high, n=n, undefined=undefined)


def pooled_comparison(
    difference: float | None,
    arm: Weighted,
    baseline: Weighted,
    both: Weighted,
    *,
    n: int,
    undefined: int,
    seed: int,
    resamples: int = 10_000,
    test: bool = True,
) -> Comparison:
    """Compare two arms on n cases. `both` reads 2n cases: the arm's, then the baseline's, with scores on one scale.

    The interval is a paired percentile bootstrap: the same resample of cases for both arms. The test swaps the scores
    of the two arms in a random half of the cases. `difference` None leaves all cases undefined.
    """
    drawn = affordable(n, resamples, work=POOLED_WORK)
    some, several = difference is not None, difference is not None and n >= 2
    resampled = np.zeros(0)
    if several:
        counts = bootstrap_counts(n, seed=seed, resamples=drawn)
        resampled = np.concatenate([arm(block) - baseline(block) for block in counts])
    interval = percentiles(resampled)
    return Comparison(
        difference=difference,
        low=interval.low,
        high=interval.high,
        p=_swap_test(both, n=n, seed=seed, resamples=drawn) if test and several else None,
        n=n if some else 0,
        undefined=undefined if some else undefined + n,
        detectable=_detectable(resampled),
        resamples=drawn,
    )


def _detectable(resampled: Values) -> float | None:
    known = resampled[~np.isnan(resampled)]
    spread = float(known.std()) if len(known) else 0.0
    return None if spread == 0 else _STANDARD_ERRORS * spread


def _swap_test(both: Weighted, *, n: int, seed: int, resamples: int) -> float:
    def difference(swapped: Values) -> Values:
        kept = 1 - swapped
        return both(np.concatenate([kept, swapped], axis=1)) - both(np.concatenate([swapped, kept], axis=1))

    observed = abs(float(difference(np.zeros((1, n)))[0]))
    # The two sides of a tie are computed from the same numbers in another order, so they may differ in the last bits.
    bound = observed - 1e-12
    extreme = sum(int((np.abs(difference(block)) >= bound).sum()) for block in swaps(n, seed=seed, resamples=resamples))
    return (extreme + 1) / (resamples + 1)
