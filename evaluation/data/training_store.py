"""A store as served, whose index leaves out what it can give without holding it.

A past interaction's vector is its item's, so the index of a training store answers for interactions from the items:
holding one entry per interaction would make it many times larger and slower to build, and change no answer.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from retrieval.chroma import ChromaIndex
from retrieval.ids import Pair, split_pair_id
from retrieval.protocol import Collection, Embedder, Vectors
from retrieval.record import Record
from retrieval.record.changes import ChangeFeed, IndexedRows
from retrieval.record.database import Database
from retrieval.record.types import IndexCounts, IndexedKind
from retrieval.store import Store


class TrainingRecord(Record):
    """A record whose index holds items and, if asked for, demonstrations."""

    def __init__(self, database: Database, *, demonstrations: bool) -> None:
        super().__init__(database)
        self._demonstrations = demonstrations

    def refresh_demonstrations(self) -> None:
        """As the record's; nothing where no demonstrations are asked for."""
        if self._demonstrations:
            super().refresh_demonstrations()

    def changes(self, since: int) -> ChangeFeed:
        """As the record's, without interactions."""
        return _Changes(self._database, since)

    def indexed(self) -> IndexedRows:
        """As the record's, without interactions."""
        return _Indexed(self._database)


class TrainingIndex(ChromaIndex):
    """An index that holds no interactions and answers for them from the items."""

    def vectors(self, collection: Collection, ids: Sequence[str]) -> dict[str, Vectors]:
        """As the protocol says; an interaction has its item's vector, whoever's it is."""
        if collection != "interactions":
            return super().vectors(collection, ids)
        items = {entry_id: split_pair_id(entry_id).item_id for entry_id in ids}
        found = super().vectors("items", sorted(set(items.values())))
        return {entry_id: found[item_id] for entry_id, item_id in items.items() if item_id in found}


def open_indexed(folder: Path, embedder: Embedder, *, demonstrations: bool) -> Store:
    """The store in a folder. Raises StoreBusyError while it is open elsewhere."""
    record = TrainingRecord(Database.open(str(folder / "record.db")), demonstrations=demonstrations)
    try:
        return Store(record, TrainingIndex.open_embedded(folder / "chroma"), embedder)
    except BaseException:
        record.close()
        raise


class _Changes(ChangeFeed):
    def interaction_pairs(self) -> tuple[Pair, ...]:
        return ()


class _Indexed(IndexedRows):
    def entry_ids(self, kind: IndexedKind) -> frozenset[str]:
        return frozenset() if kind == "interactions" else super().entry_ids(kind)

    def counts(self) -> IndexCounts:
        return dataclasses.replace(super().counts(), interactions=0)
