"""Items near what the user liked lately, in the embedding space."""

from __future__ import annotations

from collections.abc import Sequence

from retrieval.geometry import mean_direction
from retrieval.protocol import Proposal, RetrievalRequest, VectorIndex, Vectors
from retrieval.types import PastItem


def liked_recent(history: Sequence[PastItem], most: int) -> tuple[PastItem, ...]:
    """The user's latest liked items, at most `most`, oldest first."""
    return tuple(past for past in history if past.liked)[-most:]


class SimilarityToMean:
    """Items nearest to the mean of the user's liked recent items; the score is the cosine."""

    name = "similarity_mean"

    def __init__(self, index: VectorIndex, most: int) -> None:
        self._index = index
        self._most = most

    def propose(self, request: RetrievalRequest, k: int) -> list[Proposal]:
        """At most k items, best first; none for a user who liked nothing."""
        centre = mean_direction(_vectors(self._index, request, self._most))
        if centre is None:
            return []
        return [Proposal(item_id=hit.id, score=hit.similarity) for hit in self._index.nearest("items", centre, k)]


class SimilarityToMax:
    """Items nearest to any one of the user's liked recent items; the score is the largest cosine."""

    name = "similarity_max"

    def __init__(self, index: VectorIndex, most: int) -> None:
        self._index = index
        self._most = most

    def propose(self, request: RetrievalRequest, k: int) -> list[Proposal]:
        """At most k items, best first; none for a user who liked nothing."""
        best: dict[str, float] = {}
        for vector in _vectors(self._index, request, self._most):
            for hit in self._index.nearest("items", vector, k):
                best[hit.id] = max(hit.similarity, best.get(hit.id, -1.0))
        ordered = sorted(best.items(), key=lambda entry: (-entry[1], entry[0]))
        return [Proposal(item_id=item_id, score=score) for item_id, score in ordered[:k]]


def _vectors(index: VectorIndex, request: RetrievalRequest, most: int) -> list[Vectors]:
    ids = [past.item.item_id for past in liked_recent(request.history, most)]
    found = index.vectors("items", ids)
    return [found[item_id] for item_id in ids if item_id in found]
