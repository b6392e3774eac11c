"""What a service asks of the record, on both databases: shown lists, feedback, edits, pages, export and erasure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from retrieval.errors import ConflictError, InputError, NotFoundError
from retrieval.ids import Pair
from retrieval.record import Record
from retrieval.record.types import ErasedRows, Feedback, ShownList
from retrieval.types import Item, User
from tests.retrieval.records import fill, interaction


@pytest.fixture
def filled(record: Record) -> Record:
    fill(record, users=2, items=6)
    record.refresh_demonstrations()
    return record


def shown(request_id: str = "r", user_id: str | None = "u0", asked_at: float = 1.0) -> ShownList:
    return ShownList(
        request_id=request_id,
        user_id=user_id,
        door="recommend",
        asked_at=asked_at,
        item_ids=("i1", "i0"),
        ranked_by="llm",
        prompt_digest="d",
        adapter="a",
        scenario="news",
        arm="b",
    )


def said(feedback_id: str = "f", **changes: object) -> Feedback:
    one = Feedback(feedback_id=feedback_id, user_id="u0", item_id="i0", kind="dislike", timestamp=50.0)
    return replace(one, **changes)  # type: ignore[arg-type]


def test_a_list_is_read_as_it_was_logged_and_raises_no_version(filled: Record) -> None:
    version = filled.version()
    for one in (shown(), shown("s", None, 2.0)):
        filled.shown().log(one)
        assert filled.shown().get(one.request_id) == one
    assert filled.shown().get("x") is None
    assert filled.shown().of_user("u0") == [shown()]
    assert filled.version() == version
    with pytest.raises(NotFoundError, match="deleted while"):
        filled.shown().log(shown("t", "nobody"))
    assert filled.shown().forget(before=2.0) == 1
    assert filled.shown().get("r") is None


def test_feedback_is_joined_counted_once_and_becomes_taste(filled: Record) -> None:
    filled.shown().log(shown())
    taken = filled.feedback().give(said(request_id="r"))
    assert taken.feedback.rank == 2
    one = filled.interaction("u0", "i0")
    assert one is not None
    assert (one.liked, one.timestamp) == (False, 50.0)
    again = filled.feedback().give(said(request_id="r", timestamp=60.0))
    assert again.repeated
    assert again.feedback == taken.feedback
    assert filled.feedback().of_user("u0") == [taken.feedback]
    with pytest.raises(ConflictError):
        filled.feedback().give(said(kind="like"))
    with pytest.raises(InputError, match="rank 2"):
        filled.feedback().give(said("g", request_id="r", rank=1))
    filled.feedback().give(said("h", kind="like", timestamp=40.0))
    assert filled.interaction("u0", "i0") == one, "earlier news change nothing"


def test_what_was_dismissed_before_a_moment(filled: Record) -> None:
    filled.feedback().give(said(kind="dismiss"))
    assert filled.feedback().dismissed("u0", 51.0) == {"i0"}
    assert filled.feedback().dismissed("u0", 50.0) == frozenset()
    assert filled.feedback().dismissed("u1", 51.0) == frozenset()


def test_edits_keep_what_they_do_not_touch(filled: Record) -> None:
    version = filled.version()
    assert filled.change_item("i0", lambda item: item) == filled.items(["i0"])["i0"]
    assert filled.version() == version, "nothing changed"
    hidden = filled.change_item("i0", lambda item: replace(item, hidden=True, expires_at=9.0))
    assert hidden == filled.items(["i0"])["i0"]
    assert filled.change_user("u0", lambda user: replace(user, attributes={"age": 3})) == filled.user("u0")
    rated = filled.change_interaction(Pair("u0", "i1"), lambda one: replace(one, rating=2.0))
    assert rated == filled.interaction("u0", "i1")
    assert filled.change_item("x", lambda item: item) is None


def test_pages(filled: Record) -> None:
    pages = filled.pages()
    assert [item.item_id for item in pages.items("i1", 2)] == ["i2", "i3"]
    assert [user.user_id for user in pages.users(None, 9)] == ["u0", "u1"]
    assert [one.item_id for one in pages.interactions("u0", None, 2)] == ["i0", "i1"]
    assert [one.item_id for one in pages.interactions("u0", "i4", 9)] == ["i5"]


def test_all_of_a_user_is_copied_and_goes(filled: Record) -> None:
    filled.shown().log(shown())
    filled.feedback().give(said(kind="click"))
    copy = filled.personal().copy("u0")
    assert copy is not None
    sizes = (len(copy.interactions), len(copy.demonstrations), len(copy.shown), len(copy.feedback))
    assert sizes == (6, 3, 1, 1)
    erased = filled.personal().delete(["u0"])
    assert erased == ErasedRows(users=1, interactions=6, demonstrations=3, shown=1, feedback=1, sponsored=0, prompts=0)
    assert filled.personal().copy("u0") is None
    assert filled.personal().pending() == ("u0",)
    deleted = filled.changes(0).deleted("interactions")
    assert len(deleted) == 6
    filled.personal().forget(["u0"])
    assert filled.personal().pending() == ()
    assert filled.changes(0).deleted("interactions") == ()
    assert len(filled.history("u1")) == 6
    assert filled.checkpoint()


def test_tombstones_of_others_whose_id_begins_alike_stay(record: Record) -> None:
    record.put_items([Item(item_id="i", title="T")])
    for user_id in ("ann", "anna"):
        record.put_users([User(user_id=user_id)])
        record.put_interactions([interaction(user_id, "i")])
    record.personal().delete(["ann", "anna"])
    record.personal().forget(["ann"])
    assert record.changes(0).deleted("interactions") == ("anna\x1fi",)
