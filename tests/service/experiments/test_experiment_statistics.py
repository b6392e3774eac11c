"""Rates, differences and tests against other implementations, by hand, and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ranking.experiments.config import ExperimentSettings
from service.experiments.statistics import (
    Tally,
    difference,
    lacking,
    mismatch,
    p_of,
    preference,
    rate_of,
    wilson,
)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_scipys_where_the_number_is_whole(counts: tuple[int, int]) -> None:
    hits, n = counts
    expected = stats.binomtest(hits, n).proportion_ci(method="wilson")
    found = wilson(hits / n, n)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_one_list_a_user_is_a_plain_share() -> None:
    tally = Tally.of([(1, 1)] * 3 + [(0, 1)] * 7)
    found = rate_of(tally)
    assert found is not None
    # The variance over ten users has nine degrees of freedom.
    assert (found.value, found.low) == pytest.approx((0.3, wilson(0.3, 9.0).low))


def test_lists_of_one_user_are_no_independent_evidence() -> None:
    few_users = rate_of(Tally.of([(10, 10)] * 5 + [(0, 10)] * 5))
    many_users = rate_of(Tally.of([(1, 1)] * 50 + [(0, 1)] * 50))
    assert few_users is not None
    assert many_users is not None
    assert few_users.value == many_users.value == 0.5
    assert few_users.low == pytest.approx(wilson(0.5, 9.0).low), "ten users, not a hundred lists"
    assert few_users.low < many_users.low - 0.1


def test_nothing_of_many_lists_of_few_users_is_no_certain_zero() -> None:
    found = rate_of(Tally.of([(0, 100)] * 4))
    assert found is not None
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(stats.binomtest(0, 4).proportion_ci(method="wilson").high)
    assert rate_of(Tally.of([])) is None


def test_newcombes_example() -> None:
    """Newcombe 1998, table II, method 10: 56/70 - 48/80 is 0.2, 0.0524 to 0.3339."""
    found = difference(wilson(56 / 70, 70), wilson(48 / 80, 80))
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


def users(rate: float, n: int, seed: int, heavy: float = 1.0) -> Tally:
    """Users whose own rates vary around `rate`, and who ask for 1 to 9 lists each."""
    random = np.random.default_rng(seed)
    lists = random.integers(1, 10, n)
    return Tally.of([(int(random.binomial(k, random.beta(rate * heavy, (1 - rate) * heavy))), int(k)) for k in lists])


def test_what_is_true_is_inside_the_interval_as_often_as_it_says_and_nothing_is_found_where_nothing_is() -> None:
    inside, apart, found = 0, 0, 0
    for seed in range(100):
        one, other = users(0.2, 60, 2 * seed), users(0.2, 60, 2 * seed + 1)
        rates = rate_of(one), rate_of(other)
        assert rates[0] is not None
        assert rates[1] is not None
        inside += rates[0].low <= 0.2 <= rates[0].high
        between = difference(rates[0], rates[1])
        apart += between.low <= 0 <= between.high
        found += seed < 30 and p_of(one, other) < 0.05
    # Four standard deviations below 95 of 100, and above 5 of 100.
    assert inside >= 86
    assert apart >= 86
    assert found <= 6


def test_a_difference_is_found_and_the_same_data_give_the_same_p() -> None:
    one, other = users(0.5, 200, 1), users(0.2, 200, 2)
    assert p_of(one, other) == p_of(one, other) < 0.001
    many = users(0.5, 4000, 3), users(0.2, 4000, 4)
    assert p_of(*many) < 0.001
    alike = Tally.of([(1, 2)] * 40)
    assert p_of(alike, alike) == 1.0


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([(1, 2)] * 29, "29 users of 30"),
        ([(0, 1)] * 96 + [(1, 1)] * 4, "4 lists that led to one, of 5"),
        ([(1, 1)] * 96 + [(0, 1)] * 4, "4 lists that did not, of 5"),
        ([(1, 2)] * 30, None),
    ],
)
def test_what_is_missing_is_said(rows: list[tuple[int, int]], told: str | None) -> None:
    found = lacking(Tally.of(rows))
    assert found is None if told is None else found is not None and told in found


def test_the_sign_test_leaves_ties_out() -> None:
    found = preference([3, 1, 1, 1, 1, 1, 2, -1, 0, 0])
    assert (found.won, found.lost) == (7, 1)
    assert found.p == pytest.approx(2 * (1 + 8) / 2**8)
    assert found.share is not None
    assert found.share.value == 7 / 8
    few = preference([1, 1, 1, 1, 1])
    assert (few.won, few.p) == (5, None)
    assert preference([0]).share is None


def test_users_who_did_not_come_in_their_shares() -> None:
    assert mismatch([], []) is None
    even, uneven = mismatch([510, 490], [0.5, 0.5]), mismatch([600, 400], [0.5, 0.5])
    assert even is not None
    assert uneven is not None
    assert even > 0.1
    assert uneven < 0.001


@pytest.mark.parametrize("shares", [[0.3333333] * 3, [0.3333335] * 3])
def test_shares_that_the_settings_accept_are_compared_with(shares: list[float]) -> None:
    arms = [{"name": name, "share": share} for name, share in zip("abc", shares, strict=True)]
    settings = ExperimentSettings.model_validate({"name": "thirds", "arms": arms})
    assert mismatch([1000, 1010, 990], settings.shares.values()) == pytest.approx(
        mismatch([1000, 1010, 990], [1 / 3] * 3)
    )
