from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval.errors import InputError, NotFoundError
from retrieval.record import Record
from retrieval.record.types import Feedback
from retrieval.types import Interaction, Item, Query
from tests.retrieval.films import NOW, open_films, retriever_of


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    with open_films(tmp_path) as opened:
        yield opened


def ids(record: Record, item_id: str, n: int = 10) -> list[str]:
    return [user.user_id for user in retriever_of(record).audience.retrieve(item_id, n, NOW).users]


def test_a_new_item_is_for_those_who_liked_what_is_near_and_never_for_a_stranger(record: Record) -> None:
    found = retriever_of(record).audience.retrieve("newghost", 2, NOW).users
    assert [user.user_id for user in found] == ["ann", "cid"]
    assert [user.rank for user in found] == [1, 2]
    assert found[0].signals.cooccurrence is None, "nobody took it yet"
    assert "dan" not in ids(record, "newghost")


def test_disliking_what_is_near_is_no_reason(record: Record) -> None:
    record.put_interactions([Interaction(user_id="dan", item_id="horror2", timestamp=5.0, liked=False)])
    assert "dan" not in ids(record, "newghost")


def test_who_has_it_dismissed_it_or_is_gone_is_left_out(record: Record) -> None:
    assert "ann" not in ids(record, "horror2")
    record.feedback().give(Feedback(feedback_id="f", user_id="cid", item_id="newghost", kind="dismiss", timestamp=3.0))
    record.delete_users(["ann"])
    assert ids(record, "newghost") == ["bob"]


def test_signals_are_those_of_a_list(record: Record) -> None:
    record.put_interactions([Interaction(user_id="dan", item_id="comedy1", timestamp=5.0)])
    retriever = retriever_of(record)
    found = {user.user_id: user.signals for user in retriever.audience.retrieve("horror2", 10, NOW).users}
    assert set(found) == {"bob", "cid", "dan"}
    for user_id, signals in found.items():
        [candidate] = retriever.describe(Query(user_id=user_id, as_of=NOW), ["horror2"]).candidates
        theirs = candidate.signals
        assert signals.similarity_max == pytest.approx(theirs.similarity_max)
        assert signals.similarity_mean == pytest.approx(theirs.similarity_mean)
        assert signals.cooccurrence or pytest.approx(theirs.cooccurrence or 0.0) == 0.0
        assert signals.log_popularity == pytest.approx(theirs.log_popularity)


def test_without_the_index_there_is_who_takes_what_together(record: Record) -> None:
    found = retriever_of(record).audience.behavioural("horror2", 10, NOW).users
    assert [user.user_id for user in found] == ["cid"]
    assert retriever_of(record).audience.behavioural("newghost", 10, NOW).users == ()


def test_nothing_later_than_the_moment_is_used(record: Record) -> None:
    assert [user.user_id for user in retriever_of(record).audience.retrieve("newghost", 9, 1.5).users] == [
        "ann",
        "cid",
        "bob",
    ]
    assert retriever_of(record).audience.retrieve("newghost", 9, 0.5).users == ()


def test_an_item_that_is_not_there_or_not_shown_has_none(record: Record) -> None:
    with pytest.raises(NotFoundError, match="closest: horror1"):
        retriever_of(record).audience.retrieve("horor1", 5, NOW)
    record.put_items([Item(item_id="newghost", title="ghost", hidden=True)])
    with pytest.raises(InputError, match="hidden"):
        retriever_of(record).audience.retrieve("newghost", 5, NOW)
    record.put_items([Item(item_id="newghost", title="ghost", expires_at=50.0)])
    with pytest.raises(InputError, match="expired"):
        retriever_of(record).audience.retrieve("newghost", 5, NOW)
