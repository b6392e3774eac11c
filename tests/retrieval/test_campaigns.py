"""Campaigns in the record, and charges that pass no budget and no cap, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from retrieval.campaigns import MAX_MICROS
from retrieval.errors import InputError, NotFoundError
from retrieval.filters import Equals, In, Not, Range
from retrieval.record import Record
from retrieval.record.ads.types import AdShow, Span, Spent
from retrieval.record.types import Written
from tests.retrieval.ad_records import DAY_S, campaign, offer
from tests.retrieval.records import fill

TODAY = Span(first=0, last=0)
NOON = DAY_S / 2


@pytest.fixture
def filled(record: Record) -> Record:
    fill(record, users=2, items=3)
    return record


def book(record: Record, request_id: str = "r", user_id: str | None = "u0") -> tuple[AdShow, ...]:
    return record.ads().charges.book(request_id, user_id, [offer()], places=[2], pays="impression", now=NOON)


def spent(record: Record, campaign_id: str = "c") -> Spent:
    return record.ads().report.spent(TODAY).get(campaign_id, Spent())


def test_a_campaign_is_read_as_it_was_written_and_raises_no_version_of_the_index(filled: Record) -> None:
    store, version = filled.ads().campaigns, filled.version()
    full = campaign(
        starts_at=1.0,
        ends_at=2.0,
        targeting=(
            Equals(attribute="country", value="de"),
            In(attribute="age", values=(1.0, 2.0)),
            Range(attribute="income", low=3.0),
            Not(inner=Equals(attribute="member", value=True)),
        ),
        cap_per_day=3,
        creative="Buy 今 now",
        paused=True,
    )
    assert store.put([full, campaign("d")]) == Written(inserted=2)
    assert store.get("c") == full
    assert store.all() == (full, campaign("d"))
    assert store.page("c", 5) == (campaign("d"),)
    assert filled.version() == version
    before = store.version()
    assert store.put([full]) == Written(unchanged=1)
    assert store.version() == before, "nothing changed"
    assert store.change("c", lambda one: replace(one, paused=False)) == replace(full, paused=False)
    assert store.version() > before
    store.delete("c")
    for unknown in (store.get, store.delete, lambda one: store.change(one, lambda same: same)):
        with pytest.raises(NotFoundError, match="no campaign 'c'"):
            unknown("c")


@pytest.mark.parametrize(
    ("slip", "told"),
    [
        ({"bid": 0}, "bid must be more than 0"),
        ({"bid": -5}, "bid must be more than 0"),
        ({"bid": MAX_MICROS + 1}, "bid is more than"),
        ({"daily_budget": 99}, "less than the bid"),
        ({"currency": "€"}, "three capital letters"),
        ({"starts_at": 5.0, "ends_at": 5.0}, "ends before it starts"),
        ({"ends_at": float("nan")}, "no finite number"),
        ({"cap_per_day": 0}, "cap must be 1"),
        ({"creative": "  "}, "creative must have"),
        ({"targeting": (Range(attribute="age", low=30), Range(attribute="age", high=20))}, "reaches nobody"),
        ({"campaign_id": ""}, "id must not be empty"),
    ],
)
def test_campaigns_that_cannot_run_are_refused_whole(filled: Record, slip: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        filled.ads().campaigns.put([campaign("good"), replace(campaign(), **slip)])  # type: ignore[arg-type]
    assert filled.ads().campaigns.all() == ()


def test_an_unknown_item_is_named(filled: Record) -> None:
    with pytest.raises(NotFoundError, match="campaign 'c': no item 'gone'"):
        filled.ads().campaigns.put([campaign(item_id="gone")])


def test_an_impression_is_charged_once_per_request(filled: Record) -> None:
    filled.ads().campaigns.put([campaign()])
    [show] = book(filled)
    assert (show.charged, show.place, show.day) == (100, 2, 0)
    assert book(filled) == (show,), "the same request again"
    assert spent(filled) == Spent(spent=100, shown=1)
    assert filled.ads().charges.of_request("r") == (show,)


def test_nothing_beyond_the_budget_is_shown_and_the_next_day_begins_anew(filled: Record) -> None:
    filled.ads().campaigns.put([campaign(daily_budget=250)])
    assert [len(book(filled, f"r{n}")) for n in range(4)] == [1, 1, 0, 0]
    assert spent(filled).spent == 200
    tomorrow = filled.ads().charges.book("t", "u0", [offer()], places=[2], pays="impression", now=NOON + DAY_S)
    assert len(tomorrow) == 1
    back = filled.ads().charges.book("b", "u0", [offer()], places=[2], pays="impression", now=NOON)
    assert back == (), "a clock that goes back finds the day as it was left"


def test_a_cap_counts_one_user_and_one_day_and_keeps_off_strangers(filled: Record) -> None:
    filled.ads().campaigns.put([campaign(cap_per_day=1)])
    assert len(book(filled, "a")) == 1
    assert book(filled, "b") == ()
    assert len(book(filled, "c", "u1")) == 1
    assert book(filled, "d", None) == ()
    assert filled.ads().charges.today([], "u0", NOON).shown == {"c": 1}
    assert filled.ads().charges.today([], "u0", NOON + DAY_S).shown == {}


def test_where_an_offer_is_refused_the_next_one_takes_its_place_and_no_item_stands_twice(filled: Record) -> None:
    filled.ads().campaigns.put([campaign(name, daily_budget=100) for name in "abcd"])
    first = [offer("a"), offer("b"), offer("c", item_id="i1"), offer("d", item_id="i2")]
    charges = filled.ads().charges
    shown = charges.book("r", "u0", first, places=[3, 5], pays="impression", now=NOON)
    assert [(show.campaign_id, show.place) for show in shown] == [("a", 3), ("c", 5)], "a and b are of one item"
    assert charges.today(["a", "b"], None, NOON).spent == {"a": 100, "b": 0}
    assert charges.today(["a"], None, NOON + DAY_S).spent == {}
    shown = charges.book("s", "u0", first, places=[3, 5], pays="impression", now=NOON)
    assert [(show.campaign_id, show.place) for show in shown] == [("b", 3), ("d", 5)], "a and c have spent it all"


def test_what_changed_since_the_auction_is_not_shown(filled: Record) -> None:
    campaigns = filled.ads().campaigns
    campaigns.put([campaign(paused=True)])
    assert book(filled, "paused") == ()
    campaigns.delete("c")
    assert book(filled, "gone") == ()
    campaigns.put([campaign()])
    with pytest.raises(NotFoundError, match="deleted while"):
        book(filled, "r", "nobody")


def test_a_click_is_charged_once_on_its_own_day(filled: Record) -> None:
    filled.ads().campaigns.put([campaign()])
    charges = filled.ads().charges
    [show] = charges.book("r", "u0", [offer()], places=[2], pays="click", now=NOON)
    assert show.charged == 0
    clicked = charges.click("r", "i0", now=NOON + DAY_S)
    assert clicked == replace(show, clicked_at=NOON + DAY_S, charged=100)
    assert charges.click("r", "i0", now=NOON + DAY_S) == clicked
    assert charges.click("r", "i1", now=NOON) is None, "nobody paid for that one"
    assert spent(filled) == Spent(shown=1)
    assert filled.ads().report.spent(Span(first=1, last=1))["c"] == Spent(spent=100, clicked=1)


def test_a_click_before_its_list_is_of_a_clock_that_went_back(filled: Record) -> None:
    filled.ads().campaigns.put([campaign()])
    filled.ads().charges.book("r", "u0", [offer()], places=[2], pays="click", now=NOON + DAY_S)
    clicked = filled.ads().charges.click("r", "i0", now=NOON)
    assert clicked is not None
    assert clicked.clicked_at == NOON + DAY_S


def test_clicks_beyond_the_budget_cost_nothing_and_are_counted(filled: Record) -> None:
    filled.ads().campaigns.put([campaign(daily_budget=100)])
    charges = filled.ads().charges
    for request_id in ("a", "b"):
        charges.book(request_id, "u0", [offer()], places=[2], pays="click", now=NOON)
    for request_id in ("a", "b"):
        charges.click(request_id, "i0", now=NOON)
    assert spent(filled) == Spent(spent=100, shown=2, clicked=2, uncharged=1)


@pytest.mark.parametrize("pays", ["impression", "click"])
def test_64_writers_cannot_overspend_by_one_unit(filled: Record, pays: str) -> None:
    filled.ads().campaigns.put([campaign(daily_budget=1000, bid=130), campaign("d", daily_budget=999, bid=130)])
    charges = filled.ads().charges

    def show_and_click(n: int) -> None:
        offers = [offer("cd"[(n + at) % 2], price=130, item_id=f"i{at}") for at in range(2)]
        charges.book(f"r{n}", f"u{n % 2}", offers, places=[1, 2], pays=pays, now=NOON)  # type: ignore[arg-type]
        for at in range(2):
            charges.click(f"r{n}", f"i{at}", now=NOON)

    with ThreadPoolExecutor(64) as writers:
        list(writers.map(show_and_click, range(64)))
    for campaign_id in "cd":
        told = spent(filled, campaign_id)
        assert told.spent == 7 * 130, "as many as fit, and none more"
        shows = [show for n in range(64) for show in charges.of_request(f"r{n}") if show.campaign_id == campaign_id]
        assert sum(show.charged for show in shows) == told.spent
        assert (told.shown, told.clicked) == (len(shows), len(shows))


def test_64_writers_keep_a_cap(filled: Record) -> None:
    filled.ads().campaigns.put([campaign(cap_per_day=3, daily_budget=10**6)])
    with ThreadPoolExecutor(64) as writers:
        list(writers.map(lambda n: book(filled, f"r{n}"), range(64)))
    assert spent(filled).shown == 3


def test_a_user_takes_along_what_was_shown_to_them_but_not_what_it_cost(filled: Record) -> None:
    filled.ads().campaigns.put([campaign()])
    [show] = book(filled)
    copy = filled.personal().copy("u0")
    assert copy is not None
    assert copy.sponsored == (show,)
    assert filled.personal().delete(["u0"]).sponsored == 1
    assert filled.ads().charges.of_request("r") == ()
    assert spent(filled).spent == 100
