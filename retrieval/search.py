"""Search of the catalogue by words: titles that hold them first, then items that are near in meaning."""

from __future__ import annotations

import time
from collections.abc import Mapping

from retrieval.catalogue import Catalogue
from retrieval.protocol import Embedder, VectorIndex
from retrieval.record import Record
from retrieval.types import Item

_WIDER = 4


class CatalogueSearch:
    """Finds items for a text. Thread-safe; keeps the catalogue in memory."""

    def __init__(self, record: Record, index: VectorIndex, embedder: Embedder) -> None:
        self._catalogue = Catalogue(record)
        self._index = index
        self._embedder = embedder

    def find(self, text: str, n: int) -> tuple[Item, ...]:
        """At most n items that may be shown now; none for a text of blanks only.

        First those whose title holds every word of the text (shorter titles first, ties by id), then the nearest by
        the embedder, best first. Case does not count.
        """
        words = text.casefold().split()
        if not words:
            return ()
        items = self._catalogue.items()
        titled = [item for item in items.values() if all(word in item.title.casefold() for word in words)]
        titled.sort(key=lambda item: (len(item.title), item.item_id))
        now = time.time()
        found = [item for item in titled if _shown(item, now)]
        if len(found) < n:
            known = {item.item_id for item in titled}
            found += self._near(
                text, n - len(found), {k: i for k, i in items.items() if k not in known and _shown(i, now)}
            )
        return tuple(found[:n])

    def _near(self, text: str, n: int, among: Mapping[str, Item]) -> list[Item]:
        """The index holds hidden and expired items too, so it is asked for more until enough are left."""
        vector, width = self._embedder.embed([text]), 2 * n
        while True:
            [hits] = self._index.nearest("items", vector, width)
            near = [among[hit.id] for hit in hits if hit.id in among][:n]
            if len(near) == min(n, len(among)) or len(hits) < width:
                return near
            width *= _WIDER


def _shown(item: Item, now: float) -> bool:
    return (
        not item.hidden
        and (item.added_at is None or item.added_at < now)
        and (item.expires_at is None or item.expires_at > now)
    )
