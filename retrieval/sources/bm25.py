"""Items that have words in common with what the user liked lately."""

from __future__ import annotations

from retrieval.protocol import Proposal, RetrievalRequest
from retrieval.sources.behavioural import best


class WordsInCommon:
    """Items by the words of their titles and attributes; the score is that of retrieval.bm25."""

    name = "bm25"

    def propose(self, request: RetrievalRequest, k: int) -> list[Proposal]:
        """At most k items, best first; none where no item has a word of what the user liked."""
        match = request.worded
        return [] if match is None else best(match.item_ids, match.scores, k)
