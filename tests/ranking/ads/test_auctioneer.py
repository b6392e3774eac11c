"""The auction beside a list, over a real record and a real index."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ranking.ads.auctioneer import with_ads
from ranking.ads.holdout import is_held_out
from ranking.types import Recommendation
from retrieval.errors import InputError
from retrieval.filters import Not, Range
from retrieval.record.ads.types import Span
from retrieval.record.types import Feedback
from retrieval.store import Store
from retrieval.types import Interaction, Item, PastItem, Query
from tests.ranking.ads.fair import DAY_S, NOON, again, ask, calibrate, fair_settings, open_fair, recommender_of
from tests.retrieval.ad_records import campaign

TODAY = Span(first=20_000, last=20_000)
FREE = ("f08", "f09", "f10", "f11")
"""Films that ann neither had nor is shown unpaid."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_fair(tmp_path) as opened:
        calibrate(fair_settings(tmp_path))
        yield opened


def put(store: Store, **by_item: Any) -> None:
    """A campaign for each film, named after it; a number is its bid."""
    told = {item: {"bid": given} if isinstance(given, int) else given for item, given in by_item.items()}
    made = [campaign(f"c-{item}", item_id=item, **{"daily_budget": 10**9, **given}) for item, given in told.items()]
    store.record.ads().campaigns.put(made)


def sold(answer: Recommendation) -> list[str]:
    return [entry.campaign_id for entry in answer.sponsored]


def test_winners_stand_beside_a_list_that_knows_nothing_of_them(store: Store, tmp_path: Path) -> None:
    settings = fair_settings(tmp_path)
    before = ask(store, settings)
    put(store, f08=900_000, f09=100, f10=500_000)
    answer = ask(store, settings)
    assert [(one.item.item_id, one.rank, one.score) for one in answer.items] == [
        (one.item.item_id, one.rank, one.score) for one in before.items
    ]
    assert [(one.campaign_id, one.slot) for one in answer.sponsored] == [("c-f08", 2), ("c-f10", 4)]
    first, second = answer.sponsored
    assert first.price == pytest.approx(second.probability * 500_000 / first.probability, abs=1)
    assert 100 <= second.price < 500_000
    assert first.reason.startswith("Paid for by an advertiser; shown because you liked Film ")
    assert answer.stages[-1].name == "ads"
    charged = store.record.ads().report.spent(TODAY)
    assert {name: (one.shown, one.spent) for name, one in charged.items()} == {"c-f08": (1, 0), "c-f10": (1, 0)}


def test_a_probability_is_that_of_the_same_item_in_the_list(store: Store, tmp_path: Path) -> None:
    settings = fair_settings(tmp_path)
    listed = ask(store, settings, n=4)
    last = listed.items[-1]
    put(store, **{last.item.item_id: 1000})
    shorter = ask(store, settings, n=3)
    assert last.item.item_id not in {one.item.item_id for one in shorter.items}
    [entry] = shorter.sponsored
    assert entry.probability == pytest.approx(last.probability)


def test_what_passes_the_floor_can_be_asked_for_and_books_nothing(store: Store, tmp_path: Path) -> None:
    settings = fair_settings(tmp_path)
    put(store, f08=900_000, f09={"bid": 100, "targeting": (Range(attribute="age", high=20.0),)}, f10=500_000)
    recommender = recommender_of(store, settings)
    auctioneer = recommender.auctioneer
    assert auctioneer is not None
    answer = asyncio.run(recommender.recommend(Query(user_id="ann", as_of=NOON), 3))
    assert auctioneer.likely(answer).keys() == {"c-f08", "c-f10"}
    assert not store.record.ads().report.spent(TODAY)
    entries = auctioneer.sell(answer).sponsored
    assert auctioneer.likely(answer) == {entry.campaign_id: entry.probability for entry in entries}


@pytest.mark.parametrize(
    ("given", "query"),
    [
        ({"targeting": (Range(attribute="age", high=20.0),)}, {}),
        ({"targeting": (Not(inner=Range(attribute="age", low=20.0)),)}, {}),
        ({"starts_at": NOON + 1}, {}),
        ({"ends_at": NOON}, {}),
        ({"paused": True}, {}),
        ({"currency": "USD"}, {}),
        ({"bid": 9}, {}),
        ({}, {"exclude": frozenset({"f08"})}),
        ({}, {"filters": (Range(attribute="year", high=1995.0),)}),
        ({}, {"domain": "books"}),
    ],
)
def test_what_does_not_fit_the_user_the_time_or_the_query_takes_no_part(
    store: Store, tmp_path: Path, given: dict[str, Any], query: dict[str, Any]
) -> None:
    put(store, f08={"bid": 1000})
    assert sold(ask(store, fair_settings(tmp_path))) == ["c-f08"]
    put(store, f08={"bid": 1000, **given})
    answer = ask(store, fair_settings(tmp_path), **query)
    assert sold(answer) == []
    assert any("no campaign runs now" in note for note in answer.notes)


def test_targeting_that_fits_is_met(store: Store, tmp_path: Path) -> None:
    put(store, f08={"targeting": (Range(attribute="age", low=20.0), Range(attribute="age", high=40.0))})
    assert sold(ask(store, fair_settings(tmp_path))) == ["c-f08"]


def test_what_the_user_had_dismissed_or_is_shown_unpaid_is_not_sold(store: Store, tmp_path: Path) -> None:
    settings = fair_settings(tmp_path)
    listed = [one.item.item_id for one in ask(store, settings).items]
    put(store, f00=1000, **dict.fromkeys(listed, 1000))
    assert sold(ask(store, settings)) == []
    store.record.put_items([Item(item_id="f08", title="Film iii", hidden=True)])
    put(store, f08=1000)
    assert sold(ask(store, settings)) == []


def test_blocked_items_are_not_sold_either(store: Store, tmp_path: Path) -> None:
    settings = fair_settings(tmp_path)
    block = {"rules": [{"kind": "block", "name": "old", "items": ["year>=1998"]}]}
    blocking = settings.model_copy(update={"arrangement": type(settings.arrangement).model_validate(block)})
    put(store, f08=1000, f07=1000)
    assert "c-f08" in sold(ask(store, settings))
    assert "c-f08" not in sold(ask(store, blocking))


def test_an_ad_below_the_floor_never_shows_whatever_it_bids(store: Store, tmp_path: Path) -> None:
    put(store, f08=1000, f11={"bid": 10**12, "daily_budget": 10**12})
    chances = {one.campaign_id: one.probability for one in ask(store, fair_settings(tmp_path)).sponsored}
    assert chances["c-f11"] < chances["c-f08"]
    between = (chances["c-f11"] + chances["c-f08"]) / 2 / 0.12
    assert "c-f11" not in sold(ask(store, fair_settings(tmp_path, floor=between)))


def test_without_probabilities_nothing_is_sold_and_the_answer_says_why(store: Store, tmp_path: Path) -> None:
    put(store, f08=1000)
    other = fair_settings(tmp_path).model_copy(
        update={"retrieval": fair_settings(tmp_path).retrieval.model_copy(update={"n_candidates": 3})}
    )
    for answer, why in (
        (ask(store, other), "Run fewrec calibrate"),
        (ask(store, fair_settings(tmp_path), "ben"), "users with a history"),
        (ask(store, fair_settings(tmp_path), text="a film"), "without a query in words"),
    ):
        assert sold(answer) == []
        assert any(why in note for note in answer.notes), answer.notes


def test_the_holdout_is_sticky_and_never_sees_any(store: Store, tmp_path: Path) -> None:
    put(store, f08=1000)
    some = fair_settings(tmp_path, holdout=0.5)
    assert some.ads is not None
    users = [f"user-{n}" for n in range(400)]
    held = [user for user in users if is_held_out(some.ads, user)]
    assert 150 < len(held) < 250
    seed = next(seed for seed in range(20) if is_held_out(some.ads.model_copy(update={"seed": seed}), "ann"))
    answer = ask(store, fair_settings(tmp_path, holdout=0.5, seed=seed))
    assert sold(answer) == []
    assert any("never shown any" in note for note in answer.notes)


def test_caps_are_kept_and_strangers_get_what_has_none(store: Store, tmp_path: Path) -> None:
    settings = fair_settings(tmp_path)
    put(store, f08={"bid": 1000, "cap_per_day": 1}, f09=100)
    assert sold(ask(store, settings)) == ["c-f08", "c-f09"]
    assert sold(ask(store, settings)) == ["c-f09"]
    assert sold(ask(store, settings, at=NOON + DAY_S)) == ["c-f08", "c-f09"]
    past = (PastItem(item=Item(item_id="f00", title="Film aaa"), timestamp=NOON - 5),)
    assert sold(ask(store, settings, None, history=past)) == ["c-f09"]


def test_a_budget_that_is_gone_leaves_the_place_to_the_next(store: Store, tmp_path: Path) -> None:
    settings = fair_settings(tmp_path, pays="impression", places=(1,))
    put(store, f08={"bid": 1000, "daily_budget": 1000}, f09=500)
    first = ask(store, settings)
    assert sold(first) == ["c-f08"]
    assert sold(ask(store, settings)) == ["c-f09"]
    spent = store.record.ads().report.spent(TODAY)
    assert spent["c-f08"].spent == first.sponsored[0].price <= 1000


def test_the_same_answer_is_charged_once(store: Store, tmp_path: Path) -> None:
    put(store, f08=1000)
    recommender = recommender_of(store, fair_settings(tmp_path, pays="impression"))

    async def twice() -> tuple[Recommendation, Recommendation]:
        answer = await recommender.recommend(Query(user_id="ann", as_of=NOON), 3)
        return await with_ads(recommender.auctioneer, answer), await with_ads(recommender.auctioneer, answer)

    one, other = asyncio.run(twice())
    assert one.sponsored == other.sponsored
    assert store.record.ads().report.spent(TODAY)["c-f08"].shown == 1


def test_a_clock_that_goes_back_charges_the_day_it_shows_and_passes_no_budget(store: Store, tmp_path: Path) -> None:
    settings = fair_settings(tmp_path, pays="impression", places=(1,), reserve=0.0005)
    put(store, f08={"bid": 500, "daily_budget": 1000})
    midnight = 20_001 * DAY_S
    late, early = midnight - 5, midnight + 5
    assert [len(sold(ask(store, settings, at=at))) for at in (late, early, late, late, late)] == [1, 1, 1, 0, 0]
    days = {day: store.record.ads().report.spent(Span(first=day, last=day))["c-f08"].spent for day in (20_000, 20_001)}
    assert days == {20_000: 1000, 20_001: 500}


def test_changes_of_campaigns_items_and_index_are_seen_at_once(store: Store, tmp_path: Path) -> None:
    recommender = recommender_of(store, fair_settings(tmp_path))

    assert sold(again(recommender)) == []
    put(store, f08=1000)
    [before] = again(recommender).sponsored
    store.record.put_items([Item(item_id="f08", title="Film aaa", attributes={"year": 1998.0})])
    store.catch_up()
    [after] = again(recommender).sponsored
    assert after.item.title == "Film aaa"
    assert after.probability > before.probability, "it reads like what ann liked now"
    store.record.ads().campaigns.change("c-f08", lambda one: replace(one, paused=True))
    assert sold(again(recommender)) == []


def test_a_recommender_without_ads_hands_the_answer_back(store: Store, tmp_path: Path) -> None:
    settings = fair_settings(tmp_path).model_copy(update={"ads": None})
    assert ask(store, settings).sponsored == ()
    with pytest.raises(InputError):
        put(store, f08=-5)


def test_who_spends_ahead_of_the_day_waits_and_as_soon_as_possible_does_not(store: Store, tmp_path: Path) -> None:
    put(store, f08={"bid": 1000, "daily_budget": 10_000})
    even = fair_settings(tmp_path, pays="impression", reserve=0.001)
    begins = 20_001 * DAY_S + 10.0
    assert sold(ask(store, even, at=begins)) == ["c-f08"], "nothing is spent yet"
    assert sold(ask(store, even, at=begins + 60)) == [], "a tenth of the budget is gone in no time"
    asap = fair_settings(tmp_path, pays="impression", reserve=0.001, pacing="asap")
    assert sold(ask(store, asap, at=begins + 120)) == ["c-f08"]
    assert sold(ask(store, even, at=begins + 6 * 3600)) == ["c-f08"]


def test_16_auctions_at_once_pass_no_budget_and_leave_no_place_empty(store: Store, tmp_path: Path) -> None:
    put(store, f08={"bid": 1000, "daily_budget": 3000}, f09=1000)
    settings = fair_settings(tmp_path, pays="impression", places=(1,), reserve=0.001, pacing="asap")
    recommender = recommender_of(store, settings)
    answer = asyncio.run(recommender.recommend(Query(user_id="ann", as_of=NOON), 3))
    auctioneer = recommender.auctioneer
    assert auctioneer is not None
    with ThreadPoolExecutor(16) as writers:
        answers = list(writers.map(lambda n: auctioneer.sell(replace(answer, request_id=f"r{n}")), range(16)))
    assert sorted(name for one in answers for name in sold(one)) == ["c-f08"] * 3 + ["c-f09"] * 13
    assert store.record.ads().report.spent(TODAY)["c-f08"].spent == 3000


def test_what_the_user_dismissed_is_not_sold(store: Store, tmp_path: Path) -> None:
    put(store, f08=1000)
    dismissed = Feedback(
        feedback_id="d", user_id="ann", item_id="f08", kind="dismiss", timestamp=NOON - 1, request_id=None, rank=None
    )
    store.record.feedback().give(dismissed)
    assert sold(ask(store, fair_settings(tmp_path))) == []


def test_the_floor_is_exact(store: Store, tmp_path: Path) -> None:
    put(store, f08=1000)
    [entry] = ask(store, fair_settings(tmp_path)).sponsored
    at = entry.probability / 0.12
    assert sold(ask(store, fair_settings(tmp_path, floor=at * 0.999))) == ["c-f08"]
    assert sold(ask(store, fair_settings(tmp_path, floor=at * 1.001))) == []


def test_an_item_that_nobody_took_counts_as_the_settings_say(store: Store, tmp_path: Path) -> None:
    store.record.put_items([Item(item_id="new", title="Film aaa")])
    store.catch_up()
    put(store, new=1000)
    least = fair_settings(tmp_path)
    neutral = least.model_copy(update={"arrangement": type(least.arrangement).model_validate({"unseen": "neutral"})})
    [known] = ask(store, least).sponsored
    calibrate(neutral)
    [unknown] = ask(store, neutral).sponsored
    assert unknown.probability > known.probability


def test_what_the_index_learns_later_is_seen_when_it_has(store: Store, tmp_path: Path) -> None:
    put(store, f08=1000)
    recommender = recommender_of(store, fair_settings(tmp_path))

    def chance() -> float:
        [entry] = again(recommender).sponsored
        return entry.probability

    before = chance()
    store.record.put_items([Item(item_id="f08", title="Film aaa", attributes={"year": 1998.0})])
    assert chance() == pytest.approx(before), "the index is behind"
    store.catch_up()
    assert chance() > before


def test_an_item_that_is_taken_for_the_first_time_is_measured_from_then_on(store: Store, tmp_path: Path) -> None:
    store.record.put_items([Item(item_id="a-new", title="Film aaa")])
    store.catch_up()
    put(store, **{"a-new": 1000})
    recommender = recommender_of(store, fair_settings(tmp_path))

    def chance() -> float:
        return again(recommender).sponsored[0].probability

    before = chance()
    store.record.put_interactions([Interaction(user_id="u11", item_id="a-new", timestamp=NOON - 50)])
    assert chance() != pytest.approx(before)
