"""Queries that bring their own history: a stranger's session, and a known user of whom less is told."""

from __future__ import annotations

import math

import pytest

from retrieval.config import SHRINKAGE, ExampleSettings, RetrievalSettings
from retrieval.examples import ExampleSelector
from retrieval.record import Record
from retrieval.types import Candidate, PastItem, Query
from tests.retrieval.shop import NOW, Shop, film, ids, open_shop


@pytest.fixture
def shop(record: Record) -> Shop:
    open_shop(record)
    return Shop(record)


def session(*item_ids: str, first: float = 20.0) -> tuple[PastItem, ...]:
    kinds = {"s": "space", "l": "love"}
    items = [film(item_id, kinds[item_id[0]], 2000.0) for item_id in item_ids]
    return tuple(PastItem(item=item, timestamp=first + place) for place, item in enumerate(items))


def test_a_strangers_session_is_answered_by_similarity_and_cooccurrence(shop: Shop) -> None:
    retrieved = shop.ask(Query(history=session("s0", "s1")), 4)
    assert set(ids(retrieved)[:2]) == {"s2", "s3"}
    best = retrieved.candidates[0]
    assert {vote.source for vote in best.votes} >= {"similarity_mean", "similarity_max", "cooccurrence"}
    assert best.signals.similarity_max is not None
    assert best.signals.cooccurrence is not None
    assert not {"s0", "s1"} & set(ids(shop.ask(Query(history=session("s0", "s1")))))
    assert retrieved.user is None


def test_of_a_known_user_only_what_is_told_is_known(shop: Shop) -> None:
    told = shop.record.history("b")[:2]
    retrieved = shop.ask(Query(user_id="b", history=told))
    assert retrieved.history == told
    assert {"s2", "s3"} <= set(ids(retrieved)), "what was not told may come back"
    by_id = {candidate.item.item_id: candidate.signals for candidate in retrieved.candidates}
    # Of the takers of s3, b and c, the user themselves is left out; c shares s1 with the history.
    assert by_id["s3"].log_popularity == pytest.approx(math.log(2))
    assert by_id["s3"].cooccurrence == pytest.approx(1 / math.sqrt((1 + SHRINKAGE) * (2 + SHRINKAGE)))


def test_a_user_of_whom_nothing_is_told_is_answered_as_one_who_took_nothing(shop: Shop) -> None:
    untold = shop.ask(Query(user_id="a", history=()), 10)
    assert untold.history == ()
    assert {vote.source for one in untold.candidates for vote in one.votes} == {"popularity", "newest"}


def test_entries_at_or_after_the_moment_are_left_out(shop: Shop) -> None:
    retrieved = shop.ask(Query(history=session("s0", "s1", "s2", first=NOW - 1), as_of=NOW))
    assert [past.item.item_id for past in retrieved.history] == ["s0"]
    assert {"s1", "s2"} <= set(ids(retrieved))


def test_entries_are_sorted_and_of_one_item_the_last_counts(shop: Shop) -> None:
    late, early = session("s0", first=30.0), session("s1", "l1", "s0", first=20.0)
    same_time = session("l0", first=21.0)
    retrieved = shop.ask(Query(history=(*late, *early, *same_time)))
    assert [(past.item.item_id, past.timestamp) for past in retrieved.history] == [
        ("s1", 20.0),
        ("l0", 21.0),
        ("l1", 21.0),
        ("s0", 30.0),
    ]


@pytest.mark.parametrize(("way", "kinds"), [("similar", {"s"}), ("diverse", {"s", "l"})])
@pytest.mark.parametrize("user_id", [None, "new"])
def test_examples_are_chosen_from_the_session(shop: Shop, way: str, kinds: set[str], user_id: str | None) -> None:
    query = Query(user_id=user_id, history=session("s0", "s1", "l0", "l1"))
    candidates = ["s3", "s4"] if way == "similar" else ["s3", "l3"]
    retrieved = shop.retriever.describe(query, candidates)
    settings = ExampleSettings.model_validate({"history": way, "history_length": 2})
    shown = ExampleSelector(shop.record, shop.index, settings).select(retrieved).history
    assert {past.item.item_id[0] for past in shown} == kinds
    assert len(shown) == 2


def test_with_a_half_life_the_last_minutes_say_more_than_the_last_year(record: Record) -> None:
    open_shop(record)
    year = 365 * 86_400.0
    past = (*session("s0", "s1", first=NOW - year), *session("l0", first=NOW - 60))
    query = Query(history=past, as_of=NOW)
    plain = Shop(record).ask(query, 10).candidates
    sharp = Shop(record, RetrievalSettings(history_half_life_hours=1.0)).ask(query, 10).candidates
    love, space = "l1", "s4"

    def lead(candidates: tuple[Candidate, ...], what: str) -> float:
        found = {one.item.item_id: getattr(one.signals, what) or 0.0 for one in candidates}
        return float(found[love] - found[space])

    for what in ("similarity_mean", "cooccurrence"):
        assert lead(sharp, what) > max(0.0, lead(plain, what)), what
    assert [one.signals.similarity_max for one in sharp if one.item.item_id == love] == [
        one.signals.similarity_max for one in plain if one.item.item_id == love
    ]
