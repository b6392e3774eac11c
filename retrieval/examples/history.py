"""Selects from the user's own past: the most recent, the most similar to the candidates, or a diverse few."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retrieval.config import ExampleSettings
from retrieval.geometry import maximal_marginal_relevance
from retrieval.ids import pair_id, split_pair_id
from retrieval.protocol import VectorIndex, Vectors
from retrieval.types import PastItem, Retrieved

_RELEVANCE_SHARE = 0.7
"""How much similarity to the candidates counts against sameness in the diverse selection."""


def select_history(retrieved: Retrieved, index: VectorIndex, settings: ExampleSettings) -> list[PastItem]:
    """At most settings.history_length liked items and, unless liked_only, half as many disliked ones; oldest first."""
    past = [entry for entry in retrieved.history if entry.timestamp < retrieved.as_of]
    liked = [entry for entry in past if entry.liked]
    chosen = _chosen(retrieved, liked, index, settings, settings.history_length)
    if not settings.liked_only:
        disliked = [entry for entry in past if not entry.liked]
        chosen += _chosen(retrieved, disliked, index, settings, settings.history_length // 2)
    return sorted(chosen, key=lambda entry: (entry.timestamp, entry.item.item_id))


def _chosen(
    retrieved: Retrieved, past: Sequence[PastItem], index: VectorIndex, settings: ExampleSettings, k: int
) -> list[PastItem]:
    if k == 0 or not past:
        return []
    if settings.history == "recent":
        return list(past[-k:])
    own = _vectors(retrieved, past, index)
    offered = index.vectors("items", [candidate.item.item_id for candidate in retrieved.candidates])
    # Latest first, so that ties go to the more recent item. An item that the index lacks cannot be compared.
    indexed = [entry for entry in reversed(past) if entry.item.item_id in own]
    if not indexed or not offered:
        return list(past[-k:])
    vectors = np.stack([own[entry.item.item_id] for entry in indexed])
    relevance = (vectors @ np.stack(list(offered.values())).T).max(axis=1)
    share = 1.0 if settings.history == "similar" else _RELEVANCE_SHARE
    return [indexed[place] for place in maximal_marginal_relevance(relevance, vectors, k, share)]


def _vectors(retrieved: Retrieved, past: Sequence[PastItem], index: VectorIndex) -> dict[str, Vectors]:
    """Vectors of the past items by item id, those that the index holds.

    They are read from the user's own interactions. What is not among these, as the session of a stranger, has the same
    vector as an item.
    """
    item_ids = [entry.item.item_id for entry in past]
    found: dict[str, Vectors] = {}
    if retrieved.user is not None:
        user_id = retrieved.user.user_id
        stored = index.vectors("interactions", [pair_id(user_id, item_id) for item_id in item_ids])
        found = {split_pair_id(entry_id).item_id: vector for entry_id, vector in stored.items()}
    return found | index.vectors("items", [item_id for item_id in item_ids if item_id not in found])
