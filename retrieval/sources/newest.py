"""Items that came into the catalogue last."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from retrieval.protocol import Proposal, RetrievalRequest
from retrieval.types import Item


class Newest:
    """Items by the time they were added; the score is that time. Items without one are not proposed."""

    name = "newest"

    def __init__(self, catalogue: Callable[[], Mapping[str, Item]]) -> None:
        self._catalogue = catalogue

    def propose(self, request: RetrievalRequest, k: int) -> list[Proposal]:
        """At most k items added before the request, latest first."""
        dated = [
            (item.added_at, item.item_id)
            for item in self._catalogue().values()
            if item.added_at is not None and item.added_at < request.as_of
        ]
        dated.sort(key=lambda entry: (-entry[0], entry[1]))
        return [Proposal(item_id=item_id, score=added_at) for added_at, item_id in dated[:k]]
