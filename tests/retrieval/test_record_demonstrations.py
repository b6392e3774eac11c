from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.ids import Pair
from retrieval.record import Record
from retrieval.record.demonstrations import LATEST, LEAST_BEFORE, MOST_BEFORE, choices_of
from tests.retrieval.records import fill, interaction, item


def test_the_latest_three_with_three_before_are_demonstrations(record: Record) -> None:
    fill(record, users=1, items=8)
    record.refresh_demonstrations()
    pairs = record.changes(0).demonstration_pairs()
    assert [pair.item_id for pair in pairs] == ["i5", "i6", "i7"]
    (choice,) = record.indexed().choices([Pair("u0", "i5")])
    assert choice.before == ("i0", "i1", "i2", "i3", "i4")
    assert choice.chosen_at == 5.0


def test_disliked_items_take_no_part(record: Record) -> None:
    fill(record, users=1, items=8)
    record.put_interactions([interaction("u0", f"i{k}", k, liked=False) for k in (0, 1, 7)])
    record.refresh_demonstrations()
    choices = {
        choice.item_id: choice.before for choice in record.indexed().choices([Pair("u0", f"i{k}") for k in range(8)])
    }
    assert choices == {"i5": ("i2", "i3", "i4"), "i6": ("i2", "i3", "i4", "i5")}


def test_a_newer_interaction_pushes_the_oldest_demonstration_out(record: Record) -> None:
    fill(record, users=2, items=8)
    record.put_items([item("new")])
    record.refresh_demonstrations()
    before = record.version()
    record.put_interactions([interaction("u1", "new", 50.0)])
    record.refresh_demonstrations()
    feed = record.changes(before)
    assert feed.deleted("demonstrations") == ("u1\x1fi5",)
    assert feed.demonstration_pairs() == (Pair("u1", "new"),)


def test_deriving_twice_changes_nothing(record: Record) -> None:
    fill(record)
    record.refresh_demonstrations()
    version = record.version()
    record.refresh_demonstrations()
    assert record.version() == version


def test_deleting_interactions_takes_demonstrations_back(record: Record) -> None:
    fill(record, users=1, items=5)
    record.refresh_demonstrations()
    record.delete_interactions([Pair("u0", "i0"), Pair("u0", "i1")])
    record.refresh_demonstrations()
    assert record.indexed().counts().demonstrations == 0


@given(times=st.lists(st.integers(0, 8), max_size=20))
def test_nothing_in_a_demonstration_is_as_late_as_its_choice(times: list[int]) -> None:
    liked = [(f"i{place:02}", float(time)) for place, time in enumerate(sorted(times))]
    at = dict(liked)
    choices = choices_of("u", liked)
    assert len(choices) <= LATEST
    for choice in choices:
        assert LEAST_BEFORE <= len(choice.before) <= MOST_BEFORE
        assert all(at[item_id] < choice.chosen_at for item_id in choice.before)
        assert choice.item_id not in choice.before


@pytest.mark.parametrize(("n", "expected"), [(0, 0), (3, 0), (4, 1), (5, 2), (6, 3), (30, 3)])
def test_how_many_demonstrations_a_user_gives(n: int, expected: int) -> None:
    assert len(choices_of("u", [(f"i{k}", float(k)) for k in range(n)])) == expected
