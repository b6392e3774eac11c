"""The items in memory; after a change only the items that changed are read again."""

from __future__ import annotations

import bisect
import difflib
import threading
from collections.abc import Mapping, Sequence

from retrieval.record import Record
from retrieval.types import Item

_COMPARED = 100
"""Ids before and after one that is not there, in their order, that may be what was meant: comparing two takes long."""


class Catalogue:
    """All items by id. Thread-safe."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._lock = threading.Lock()
        self._record_id: str | None = None
        self._version = 0
        self._items: Mapping[str, Item] = {}

    def items(self) -> Mapping[str, Item]:
        """Every item by its id, in the order of ids; do not change it."""
        with self._lock:
            version = self._record.last_item_change()
            if version != self._version:
                self._items, self._version = self._read(version), version
            return self._items

    def _read(self, version: int) -> Mapping[str, Item]:
        record_id, known_id = self._record.record_id(), self._record_id
        self._record_id = record_id
        if record_id != known_id or version < self._version:
            return {item.item_id: item for item in self._record.iter_items()}
        feed = self._record.changes(self._version)
        # The deleted first: one that is written again in between is among the changed then.
        gone = frozenset(feed.deleted("items"))
        changed = self._record.items(feed.item_ids())
        items = {item_id: item for item_id, item in self._items.items() if item_id not in gone} | changed
        return items if changed.keys() <= self._items.keys() - gone else dict(sorted(items.items()))


def closest(wanted: str, known: Sequence[str] | Mapping[str, Item]) -> str:
    """The end of a sentence that names the ids nearest to one that is not there; empty where none is near.

    Of more than 200 those are looked at that begin as it does.
    """
    ordered = sorted(known)
    place = bisect.bisect(ordered, wanted)
    close = difflib.get_close_matches(wanted, ordered[max(0, place - _COMPARED) : place + _COMPARED], n=3)
    return f"; the closest: {', '.join(close)}" if close else ""
