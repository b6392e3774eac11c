"""Prices and pacing, by hand and by property."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ranking.ads.auction import Bidder, offers_of
from ranking.ads.config import AdSettings
from ranking.ads.pacing import pass_rate

DAY_S, HOUR_S = 86_400, 3_600


def bidder(name: str, probability: float, bid: int) -> Bidder:
    return Bidder(campaign_id=name, item_id=name, probability=probability, bid=bid)


def test_each_pays_what_the_next_one_would_have_made_it_pay() -> None:
    ranked = [bidder("a", 0.5, 100), bidder("b", 0.25, 160), bidder("c", 0.125, 80)]
    assert [(one.campaign_id, one.price) for one in offers_of(ranked, 3, reserve=5)] == [("a", 80), ("b", 40), ("c", 5)]
    assert [one.price for one in offers_of(ranked, 1, reserve=90)] == [90]


def test_of_equals_the_first_pays_its_bid_and_no_unit_more() -> None:
    ranked = [bidder("a", 0.1, 3), bidder("b", 0.1, 3)]
    assert [one.price for one in offers_of(ranked, 2, reserve=1)] == [3, 1]


@given(
    st.lists(
        st.tuples(st.floats(min_value=1e-6, max_value=1.0), st.integers(min_value=10, max_value=10**15)),
        min_size=1,
        max_size=8,
    )
)
def test_no_price_is_above_the_bid_below_the_reserve_or_lets_the_next_one_win(drawn: list[tuple[float, int]]) -> None:
    ranked = [bidder(f"{at}", p, bid) for at, (p, bid) in enumerate(sorted(drawn, key=lambda one: -one[0] * one[1]))]
    offers = offers_of(ranked, len(ranked), reserve=10)
    for offer, one in zip(offers, ranked, strict=True):
        assert 10 <= offer.price <= one.bid
    for offer, behind in zip(offers, ranked[1:], strict=False):
        assert offer.price == 10 or offer.probability * offer.price >= behind.probability * behind.bid * (1 - 1e-9)


@pytest.mark.parametrize(
    ("spent", "now", "rate"),
    [
        (0, 0.0, 1.0),
        (0, 12 * HOUR_S, 1.0),
        (500, 12 * HOUR_S, 1.0),  # on the line
        (520, 12 * HOUR_S, 0.52),  # ahead by 20 of the 41.7 that an hour is worth
        (542, 12 * HOUR_S, 0.0),
        (1000, 12 * HOUR_S, 0.0),
        (999, DAY_S - 1.0, 1.0),  # the last hour ends with the day
        (1000, DAY_S - 1.0, 0.0),
        (0, DAY_S - 1e-12, 1.0),
        (100, -12 * HOUR_S, 1.0),  # before 1970, at noon
    ],
)
def test_who_is_ahead_of_the_day_waits(spent: int, now: float, rate: float) -> None:
    assert pass_rate(spent, 1000, now) == pytest.approx(rate, abs=1e-9)


@given(
    st.integers(min_value=0, max_value=2000),
    st.floats(min_value=-1e9, max_value=1e11),
)
def test_a_rate_is_a_share_at_any_time(spent: int, now: float) -> None:
    assert 0.0 <= pass_rate(spent, 1000, now) <= 1.0


@pytest.mark.parametrize(
    "slip",
    [
        {"places": ()},
        {"places": (0,)},
        {"places": (5, 2)},
        {"places": (2, 2)},
        {"reserve": 0},
        {"reserve": -1},
        {"holdout": 1.0},
        {"floor": -0.1},
        {"currency": "euro"},
        {"pays": "sale"},
    ],
)
def test_settings_that_cannot_sell_are_refused(slip: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        AdSettings.model_validate(slip)
