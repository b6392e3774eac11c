from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrieval.errors import InputError, NotFoundError
from retrieval.ids import Pair
from retrieval.record import Counts, Record, Written
from retrieval.types import Interaction, Item, User
from tests.retrieval.records import fill, interaction, item


def test_items_come_back_as_written(record: Record) -> None:
    full = Item(
        item_id="ü 1",
        title="{Braces} <|im_start|>\n",
        domain="films",
        description="",
        attributes={"genres": ("a", "b"), "year": 1979, "price": 1.5, "classic": True, "by": "R. Scott", "none": ()},
        added_at=12.5,
    )
    record.put_items([full])
    assert record.items(["ü 1", "missing"]) == {"ü 1": full}
    assert list(record.iter_items()) == [full]


def test_items_come_in_the_order_asked_for(record: Record) -> None:
    record.put_items([item("a"), item("b"), item("c")])
    assert list(record.items(["c", "a", "c", "b"])) == ["c", "a", "b"]


def test_unchanged_rows_keep_the_version(record: Record) -> None:
    assert record.version() == 0
    assert record.put_items([item("a", year=1), item("b")]) == Written(inserted=2)
    assert record.version() == 1
    assert record.put_items([item("a", year=1), item("b")]) == Written(unchanged=2)
    assert record.version() == 1
    assert record.put_items([item("a", year=2), item("b"), item("c")]) == Written(inserted=1, updated=1, unchanged=1)
    assert record.version() == 2
    assert record.changes(1).item_ids() == ("a", "c")


def test_writing_nothing_changes_nothing(record: Record) -> None:
    assert record.put_items([]) == Written()
    assert record.version() == 0


def test_the_last_of_two_rows_with_one_id_wins(record: Record) -> None:
    assert record.put_items([item("a", "first"), item("a", "second")]) == Written(inserted=1)
    assert record.items(["a"])["a"].title == "second"


def test_a_later_interaction_of_a_pair_replaces_the_first(record: Record) -> None:
    fill(record, users=1, items=1)
    changed = Interaction(user_id="u0", item_id="i0", timestamp=9.0, liked=False, rating=2.0)
    assert record.put_interactions([changed]) == Written(updated=1)
    assert record.interaction("u0", "i0") == changed
    assert record.interaction("u0", "i9") is None


@pytest.mark.parametrize(
    ("user_id", "item_id", "named"), [("nobody", "i0", "user 'nobody'"), ("u0", "i9", "item 'i9'")]
)
def test_an_interaction_with_an_unknown_id_is_refused_whole(
    record: Record, user_id: str, item_id: str, named: str
) -> None:
    fill(record, users=1, items=2)
    before = record.version()
    with pytest.raises(NotFoundError, match=named):
        record.put_interactions([interaction("u0", "i1", 77.0), interaction(user_id, item_id)])
    assert record.version() == before
    assert [past.timestamp for past in record.history("u0")] == [0.0, 1.0]


def test_history_is_oldest_first_and_strictly_before(record: Record) -> None:
    fill(record, users=1, items=4)
    record.put_interactions([interaction("u0", "i3", 1.0, liked=False)])
    assert [past.item.item_id for past in record.history("u0")] == ["i0", "i1", "i3", "i2"]
    assert [past.item.item_id for past in record.history("u0", before=1.0)] == ["i0"]
    assert record.history("u0")[2].liked is False
    assert record.history("nobody") == ()


def test_histories_of_several_users(record: Record) -> None:
    fill(record, users=3, items=2)
    found = record.histories(["u2", "nobody", "u0"], before=1.0)
    assert {user: len(past) for user, past in found.items()} == {"u2": 1, "nobody": 0, "u0": 1}


def test_users(record: Record) -> None:
    anna = User(user_id="anna", attributes={"age": 31, "likes": ("x",)})
    record.put_users([anna, User(user_id="ben")])
    assert record.user("anna") == anna
    assert record.user("nobody") is None
    assert list(record.users(["ben", "nobody", "anna"])) == ["ben", "anna"]
    assert list(record.iter_user_ids(batch=1)) == ["anna", "ben"]


@pytest.mark.parametrize("batch", [1, 3, 6, 100])
def test_reading_in_batches_gives_every_row_once(record: Record, batch: int) -> None:
    fill(record, users=2, items=3)
    found = [(one.user_id, one.item_id) for one in record.iter_interactions(batch)]
    assert found == [(user, one) for user in ("u0", "u1") for one in ("i0", "i1", "i2")]


def test_ids_sort_by_code_point(record: Record) -> None:
    record.put_items([item(one) for one in ("b", "A", "a", "B", "é", "_", "10", "9")])
    assert [one.item_id for one in record.iter_items(batch=2)] == sorted(("b", "A", "a", "B", "é", "_", "10", "9"))


def test_interaction_columns_describe_all_interactions(record: Record) -> None:
    fill(record, users=2, items=2)
    record.put_items([item("unseen")])
    record.put_interactions([interaction("u1", "i0", 5.0, liked=False)])
    columns = record.interaction_columns()
    assert columns.user_ids == ("u0", "u1")
    assert columns.item_ids == ("i0", "i1")
    np.testing.assert_array_equal(columns.user_index, [0, 0, 1, 1])
    np.testing.assert_array_equal(columns.item_index, [0, 1, 1, 0])
    np.testing.assert_array_equal(columns.timestamps, [0.0, 1.0, 1.0, 5.0])
    np.testing.assert_array_equal(columns.liked, [True, True, True, False])
    assert [columns.user_index.dtype.name, columns.timestamps.dtype.name] == ["int32", "float64"]


def test_attribute_names_and_domains_follow_the_items(record: Record) -> None:
    assert (record.attribute_names(), record.domains()) == (frozenset(), frozenset())
    record.put_items([item("a", year=1), Item(item_id="b", title="B", domain="books", attributes={"pages": 3})])
    assert (record.attribute_names(), record.domains()) == (frozenset({"year", "pages"}), frozenset({"items", "books"}))
    record.delete_items(["b"])
    assert (record.attribute_names(), record.domains()) == (frozenset({"year"}), frozenset({"items"}))


def test_deleting_an_item_takes_its_interactions_and_leaves_tombstones(record: Record) -> None:
    fill(record, users=2, items=8)
    record.refresh_demonstrations()
    before = record.version()
    assert record.delete_items(["i7", "missing"]) == 1
    assert record.counts() == Counts(items=7, users=2, interactions=14)
    feed = record.changes(before)
    assert feed.deleted("items") == ("i7",)
    assert feed.deleted("interactions") == ("u0\x1fi7", "u1\x1fi7")
    assert feed.deleted("demonstrations") == ("u0\x1fi7", "u1\x1fi7")
    assert record.delete_items(["i7"]) == 0
    assert record.version() == before + 1


def test_deleting_users_and_interactions(record: Record) -> None:
    fill(record, users=2, items=2)
    assert record.delete_interactions([Pair("u0", "i0"), Pair("u0", "i9")]) == 1
    assert record.delete_users(["u1"]) == 1
    assert record.counts() == Counts(items=2, users=1, interactions=1)


def test_writing_a_deleted_row_again_removes_its_tombstone(record: Record) -> None:
    fill(record, users=1, items=1)
    record.delete_items(["i0"])
    record.put_items([item("i0")])
    assert record.changes(0).deleted("items") == ()
    assert record.changes(0).deleted("interactions") == ("u0\x1fi0",)


@pytest.mark.parametrize(
    "bad",
    [
        item(""),
        item("a\x1fb"),
        item("a", year=float("nan")),
        Item(item_id="a", title="A", attributes={"x": {"y": 1}}),  # type: ignore[dict-item]
        Item(item_id="a", title="A", added_at=float("inf")),
        item("a", "lone surrogate \ud800"),
    ],
)
def test_items_that_cannot_be_stored_are_refused(record: Record, bad: Item) -> None:
    with pytest.raises(InputError, match=r"Item|text"):
        record.put_items([item("fine"), bad])
    assert record.counts().items == 0


def test_an_interaction_without_a_time_is_refused(record: Record) -> None:
    with pytest.raises(InputError, match="timestamp must be a finite number, not nan"):
        record.put_interactions([interaction("u", "i", float("nan"))])


def test_many_rows_need_many_statements(record: Record) -> None:
    record.put_items([item(f"{k:06}") for k in range(12_000)])
    assert len(record.items([f"{k:06}" for k in range(12_000)])) == 12_000
    assert record.delete_items([f"{k:06}" for k in range(11_000)]) == 11_000
    assert record.counts().items == 1000


def test_threads_share_one_record(record: Record) -> None:
    record.put_items([item("i")])

    def write(number: int) -> None:
        for step in range(5):
            record.put_users([User(user_id=f"u{number}-{step}")])
            record.put_interactions([interaction(f"u{number}-{step}", "i")])

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert record.counts() == Counts(items=1, users=30, interactions=30)
    assert record.version() == 61


def test_two_handles_see_each_others_writes(record: Record, record_url: str) -> None:
    other = Record.open(record_url)
    other.put_items([item("a")])
    assert record.items(["a"])
    assert other.record_id() == record.record_id()
    other.close()


_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0\x1f"), min_size=1, max_size=20)


@given(
    attributes=st.dictionaries(
        _TEXT,
        st.one_of(_TEXT, st.booleans(), st.floats(allow_nan=False, allow_infinity=False), st.tuples(_TEXT, _TEXT)),
    ),
    title=_TEXT,
)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_text_survives_and_a_second_write_changes_nothing(
    record: Record, attributes: dict[str, str | float | bool | tuple[str, ...]], title: str
) -> None:
    one = Item(item_id="x", title=title, attributes=attributes)
    record.put_items([one])
    assert record.items(["x"])["x"] == one
    assert record.put_items([one]) == Written(unchanged=1)
