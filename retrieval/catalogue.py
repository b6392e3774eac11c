"""The items in memory, read again when one of them has changed."""

from __future__ import annotations

import threading
from collections.abc import Mapping

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
