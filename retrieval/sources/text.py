"""Items near the query's text, in the embedding space."""

from __future__ import annotations

from retrieval.protocol import Embedder, Proposal, RetrievalRequest, VectorIndex


class TextQuery:
    """Items nearest to the text that was asked for; the score is the cosine."""

    name = "text"

    def __init__(self, index: VectorIndex, embedder: Embedder) -> None:
        self._index = index
        self._embedder = embedder

    def propose(self, request: RetrievalRequest, k: int) -> list[Proposal]:
        """At most k items, best first; none without a text."""
        text = request.query.text
        if text is None or not text.strip():
            return []
        hits = self._index.nearest("items", self._embedder.embed([text])[0], k)
        return [Proposal(item_id=hit.id, score=hit.similarity) for hit in hits]
