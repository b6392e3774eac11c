"""A fake vector index in memory, for tests of retrieval that need no Chroma."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from retrieval.geometry import mean_direction
from retrieval.ids import pair_id
from retrieval.protocol import Collection, Embedder, Hit, Vectors
from retrieval.record import Record
from retrieval.record.demonstrations import choices_of


class MemoryIndex:
    """FAKE index: compares with every vector. Implements `retrieval.protocol.VectorIndex`."""

    def __init__(self, collections: Mapping[Collection, Mapping[str, Vectors]]) -> None:
        self._collections = collections

    def nearest(self, collection: Collection, vectors: Vectors, k: int) -> list[list[Hit]]:
        """At most k for each row, best first, ties by id."""
        stored = self._collections.get(collection, {})
        found = [[Hit(id=key, similarity=float(one @ vector)) for key, one in stored.items()] for vector in vectors]
        return [sorted(hits, key=lambda hit: (-hit.similarity, hit.id))[:k] for hits in found]

    def vectors(self, collection: Collection, ids: Sequence[str]) -> dict[str, Vectors]:
        """Those that are stored."""
        stored = self._collections.get(collection, {})
        return {entry_id: stored[entry_id] for entry_id in ids if entry_id in stored}


def index_of(record: Record, embedder: Embedder) -> MemoryIndex:
    """An index of everything in the record: items by their titles."""
    items = list(record.iter_items())
    by_item: dict[str, Vectors] = dict(
        zip((item.item_id for item in items), np.asarray(embedder.embed([item.title for item in items])), strict=True)
    )
    interactions = {pair_id(one.user_id, one.item_id): by_item[one.item_id] for one in record.iter_interactions()}
    demonstrations: dict[str, Vectors] = {}
    for user_id in record.iter_user_ids():
        liked = [(past.item.item_id, past.timestamp) for past in record.history(user_id) if past.liked]
        for choice in choices_of(user_id, liked):
            centre = mean_direction([by_item[item_id] for item_id in choice.before])
            if centre is not None:
                demonstrations[pair_id(user_id, choice.item_id)] = centre
    return MemoryIndex({"items": by_item, "interactions": interactions, "demonstrations": demonstrations})
