"""Items near what the user liked lately, in the embedding space."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np

from retrieval.geometry import mean_direction
from retrieval.protocol import Proposal, RetrievalRequest, VectorIndex
from retrieval.types import PastItem


def liked_recent(history: Sequence[PastItem], most: int) -> tuple[PastItem, ...]:
    """The user's latest liked items, at most `most`, oldest first."""
    return tuple(past for past in history if past.liked)[-most:]


class SimilarityToMean:
    """Items nearest to the mean of the user's liked recent items; the score is the cosine."""

    name = "similarity_mean"

    def __init__(self, index: VectorIndex) -> None:
        self._index = index

    def propose(self, request: RetrievalRequest, k: int) -> list[Proposal]:
        """At most k items, best first; none for a user who liked nothing."""
        centre = mean_direction(list(request.liked.values()), request.weights_of(request.liked))
        if centre is None:
            return []
        [hits] = self._index.nearest("items", centre[None], k)
        return [Proposal(*hit) for hit in hits]


class SimilarityToMax:
    """Items nearest to any one of the user's liked recent items; the score is the largest cosine."""

    name = "similarity_max"

    def __init__(self, index: VectorIndex) -> None:
        self._index = index

    def propose(self, request: RetrievalRequest, k: int) -> list[Proposal]:
        """At most k items, best first; none for a user who liked nothing."""
        if not request.liked:
            return []
        best: dict[str, float] = {}
        for hits in self._index.nearest("items", np.stack(list(request.liked.values())), k):
            for item_id, similarity in hits:
                if similarity > best.get(item_id, -2.0):
                    best[item_id] = similarity
        ordered = heapq.nsmallest(k, ((-similarity, item_id) for item_id, similarity in best.items()))
        return [Proposal(item_id, -opposite) for opposite, item_id in ordered]
