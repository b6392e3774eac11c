"""Numbers of an experiment, with users as what was drawn: the lists of one user are no independent evidence."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Counts = npt.NDArray[np.float64]

FEWEST_USERS = 30
FEWEST_LISTS = 5
"""Of each arm, with and without what is counted; with fewer the difference of two shares has no usual distribution."""
FEWEST_PREFERENCES = 6
"""With five users even a unanimous preference has p = 0.06."""

_Z = float(stats.norm.ppf(0.975))
_DEALT = 9_999
_MOST_PERMUTED = 5_000
"""Users beyond whom the two tests tell the same to the digits that are shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """Lists per user of one arm, and those that led to something: two arrays of shape (n_users,)."""

    hits: Counts
    lists: Counts

    @classmethod
    def of(cls, rows: Iterable[tuple[int, int]]) -> Tally:
        """Of pairs (hits, lists), one for each user."""
        both = np.array(list(rows), dtype=np.float64).reshape(-1, 2)
        return cls(hits=both[:, 0], lists=both[:, 1])


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A number with its 95% interval."""

    value: float
    low: float
    high: float


def rate_of(tally: Tally) -> Interval | None:
    """The share of lists that led to something; None without lists.

    Wilson's interval (1927) on the effective number of lists: their number over the design effect (Kish 1965), which is
    the variance of the ratio of sums over users, linearised, over that of as many independent lists; at least 1. Where
    no or all lists led to something, that cannot be measured, and each user counts as one list.
    """
    n, n_users = float(tally.lists.sum()), len(tally.lists)
    if n == 0:
        return None
    rate = float(tally.hits.sum()) / n
    effective = float(n_users)
    if 0 < rate < 1 and n_users > 1:
        residuals = tally.hits - rate * tally.lists
        variance = n_users / (n_users - 1) * float((residuals**2).sum()) / n**2
        effective = n / max(1.0, variance * n / (rate * (1 - rate)))
    return wilson(rate, effective)


def wilson(rate: float, n: float) -> Interval:
    """Wilson's score interval of a share of n, which need not be whole."""
    shrink = 1 / (1 + _Z**2 / n)
    centre = shrink * (rate + _Z**2 / (2 * n))
    half = shrink * _Z * math.sqrt(rate * (1 - rate) / n + _Z**2 / (4 * n**2))
    return Interval(value=rate, low=max(0.0, centre - half), high=min(1.0, centre + half))


def difference(one: Interval, other: Interval) -> Interval:
    """The difference of two independent shares, its interval put together from theirs (Newcombe 1998, method 10)."""
    value = one.value - other.value
    return Interval(
        value=value,
        low=value - math.hypot(one.value - one.low, other.high - other.value),
        high=value + math.hypot(one.high - one.value, other.value - other.low),
    )


def p_of(one: Tally, other: Tally) -> float:
    """Two-sided p of the hypothesis that it is nothing to users which of the two arms they are in.

    The difference between the users' mean residuals from the common rate, against its distribution when users are dealt
    out anew, as chance dealt them out; of very many users, Welch's t-test. Both arms need enough data, see `lacking`.
    """
    rate = (one.hits.sum() + other.hits.sum()) / (one.lists.sum() + other.lists.sum())
    residuals = [tally.hits - rate * tally.lists for tally in (one, other)]
    if len(one.hits) + len(other.hits) > _MOST_PERMUTED:
        return float(stats.ttest_ind(*residuals, equal_var=False).pvalue)
    random = np.random.default_rng(0)
    return float(stats.permutation_test(residuals, _apart, vectorized=True, n_resamples=_DEALT, rng=random).pvalue)


def _apart(one: Counts, other: Counts, axis: int) -> Counts:
    apart: Counts = one.mean(axis=axis) - other.mean(axis=axis)
    return apart


def lacking(tally: Tally) -> str | None:
    """What is missing for a comparison with this arm; None where nothing is."""
    hits, n_users = int(tally.hits.sum()), len(tally.lists)
    misses = int(tally.lists.sum()) - hits
    if n_users < FEWEST_USERS:
        return f"{n_users} users of {FEWEST_USERS} that it takes"
    for n, what in ((hits, "that led to one"), (misses, "that did not")):
        if n < FEWEST_LISTS:
            return f"{n} lists {what}, of {FEWEST_LISTS} that it takes"
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Preference:
    """How many users an arm won."""

    won: int
    lost: int
    share: Interval | None
    """Of the users with a preference; None without any."""
    p: float | None
    """Two-sided, of a sign test over these users; None where they are fewer than six."""


def preference(balances: Iterable[int]) -> Preference:
    """The sign test of users' balances: credits of one arm minus those of the other. Zeros are left out."""
    signs = [balance > 0 for balance in balances if balance]
    won = sum(signs)
    if not signs:
        return Preference(won=0, lost=0, share=None, p=None)
    p = float(stats.binomtest(won, len(signs)).pvalue) if len(signs) >= FEWEST_PREFERENCES else None
    return Preference(won=won, lost=len(signs) - won, share=wilson(won / len(signs), len(signs)), p=p)


def mismatch(users: Iterable[int], shares: Iterable[float]) -> float | None:
    """P of the hypothesis that users came to the arms in these shares (chi-square); None without users.

    Shares may sum to a little less or more than 1, as written ones do.
    """
    seen = np.array(list(users), dtype=np.float64)
    if seen.sum() == 0:
        return None
    expected = np.array(list(shares))
    return float(stats.chisquare(seen, expected / expected.sum() * seen.sum()).pvalue)
