"""Items near the query's text, in the embedding space."""

from __future__ import annotations

from retrieval.protocol import Proposal, RetrievalRequest, VectorIndex


class TextQuery:
    """Items nearest to the text that was asked for; the score is the cosine."""

    name = "text"

    def __init__(self, index: VectorIndex) -> None:
        self._index = index

    def propose(self, request: RetrievalRequest, k: int) -> list[Proposal]:
        """At most k items, best first; none without a text."""
        if request.asked is None:
            return []
        [hits] = self._index.nearest("items", request.asked[None], k)
        return [Proposal(*hit) for hit in hits]
