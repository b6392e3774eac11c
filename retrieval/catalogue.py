"""The items in memory, read again when one of them has changed."""

from __future__ import annotations

import difflib
import threading
from collections.abc import Mapping, Sequence

from retrieval.record import Record
from retrieval.types import Item


class Catalogue:
    """All items by id. Thread-safe."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._lock = threading.Lock()
        self._version: int | None = None
        self._items: Mapping[str, Item] = {}

    def items(self) -> Mapping[str, Item]:
        """Every item by its id, in the order of ids; do not change it."""
        with self._lock:
            version = self._record.last_item_change()
            if version != self._version:
                self._items = {item.item_id: item for item in self._record.iter_items()}
                self._version = version
            return self._items


def closest(wanted: str, known: Sequence[str] | Mapping[str, Item]) -> str:
    """The end of a sentence that names the ids nearest to one that is not there; empty where none is near."""
    close = difflib.get_close_matches(wanted, known, n=3)
    return f"; the closest: {', '.join(close)}" if close else ""
