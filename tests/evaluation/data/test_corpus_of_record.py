from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np

from evaluation.data.corpus import corpus_of_record
from retrieval.ids import Pair
from retrieval.record import InteractionColumns, Record
from retrieval.types import Interaction, User
from tests.retrieval.records import item


class FakeBusyRecord(Record):
    """Another process writes right after the interactions were read: a new item, and a row before all others."""

    def interaction_columns(self, known: InteractionColumns | None = None) -> InteractionColumns:
        found = super().interaction_columns(known)
        self.put_items([item("a-new-one")])
        self.put_users([User(user_id="a-new-user")])
        self.put_interactions([rated("a-new-user", "a-new-one", 1), rated("u", "a-new-one", 1)])
        self.delete_interactions([Pair("u", "i1")])
        return found


class FakeEmptiedRecord(Record):
    """Another process deletes an item between two readings, once."""

    def interaction_columns(self, known: InteractionColumns | None = None) -> InteractionColumns:
        found = super().interaction_columns(known)
        self.delete_items(["i2"])
        return found


def rated(user_id: str, item_id: str, rating: float | None) -> Interaction:
    return Interaction(user_id=user_id, item_id=item_id, timestamp=1.0, liked=True, rating=rating)


def filled(record: Record) -> None:
    record.put_items([item(f"i{n}") for n in range(4)])
    record.put_users([User(user_id="u"), User(user_id="v")])
    record.put_interactions([rated("u", "i0", 4), rated("u", "i1", 2), rated("u", "i2", None), rated("v", "i3", 5)])


def test_what_is_written_while_a_record_is_read_moves_no_rating(tmp_path: Path) -> None:
    with closing(FakeBusyRecord.open(str(tmp_path / "record.db"))) as record:
        filled(record)
        corpus = corpus_of_record(record, "store")
    pairs = zip(corpus.user_index, corpus.item_index, strict=True)
    taken = [(corpus.user_ids[user], corpus.item_ids[place]) for user, place in pairs]
    assert taken == [("u", "i0"), ("u", "i1"), ("u", "i2"), ("v", "i3")]
    np.testing.assert_array_equal(corpus.ratings, [4, np.nan, np.nan, 5])


def test_an_item_that_is_deleted_meanwhile_is_gone_with_its_interactions(tmp_path: Path) -> None:
    with closing(FakeEmptiedRecord.open(str(tmp_path / "record.db"))) as record:
        filled(record)
        corpus = corpus_of_record(record, "store")
    assert corpus.item_ids == ("i0", "i1", "i3")
    np.testing.assert_array_equal(corpus.ratings, [4, 2, 5])
