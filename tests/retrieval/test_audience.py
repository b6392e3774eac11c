from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval.errors import InputError, NotFoundError
from retrieval.record import Record
from retrieval.record.types import Feedback
from retrieval.types import Interaction, Item, User
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
    assert {vote.source for vote in found[0].votes} == {"similarity_max", "bm25"}, "nobody took it yet"
    assert "dan" not in ids(record, "newghost")


def test_disliking_what_is_near_is_no_reason(record: Record) -> None:
    record.put_interactions([Interaction(user_id="dan", item_id="horror2", timestamp=5.0, liked=False)])
    assert "dan" not in ids(record, "newghost")


def test_who_has_it_dismissed_it_or_is_gone_is_left_out(record: Record) -> None:
    assert "ann" not in ids(record, "horror2")
    record.feedback().give(Feedback(feedback_id="f", user_id="cid", item_id="newghost", kind="dismiss", timestamp=3.0))
    record.delete_users(["ann"])
    assert ids(record, "newghost") == ["bob"]


def test_without_the_index_there_are_words_and_who_takes_what_together(record: Record) -> None:
    audience = retriever_of(record).audience
    [found] = audience.behavioural("horror2", 10, NOW).users
    assert (found.user_id, {vote.source for vote in found.votes}) == ("cid", {"bm25", "cooccurrence"})
    # Two ghosts speak louder than one, and one louder than a winter.
    assert [user.user_id for user in audience.behavioural("newghost", 10, NOW).users] == ["ann", "cid", "bob"]


def test_who_likes_more_of_what_is_near_comes_first(record: Record) -> None:
    record.put_users([User(user_id="one"), User(user_id="three")])
    record.put_items([Item(item_id=f"ghost{n}", title=f"ghost castle {n}") for n in range(4)])
    taken = [("one", "ghost0"), *(("three", f"ghost{n}") for n in (0, 1, 2))]
    record.put_interactions([Interaction(user_id=user, item_id=item, timestamp=5.0) for user, item in taken])
    assert ids(record, "ghost3", 2) == ["three", "one"]


def test_an_item_that_many_took_is_for_those_who_did_not(record: Record) -> None:
    takers = [f"taker{n:03}" for n in range(150)]
    record.put_users([User(user_id=name) for name in (*takers, "zoe")])
    taken = [*((name, "horror2") for name in takers), *((name, "horror1") for name in (*takers, "zoe"))]
    record.put_interactions([Interaction(user_id=user, item_id=item, timestamp=5.0) for user, item in taken])
    found = retriever_of(record).audience.retrieve("horror2", 2, NOW).users
    assert [user.user_id for user in found] == ["cid", "zoe"], "more than a source looks at took it"
    for user in found:
        assert {vote.source for vote in user.votes} == {"similarity_max", "bm25", "cooccurrence"}


def test_nothing_later_than_the_moment_is_used(record: Record) -> None:
    assert [user.user_id for user in retriever_of(record).audience.retrieve("newghost", 9, 1.5).users] == [
        "ann",
        "cid",
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
