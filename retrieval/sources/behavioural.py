"""Items that other users took: together with the user's items, or at all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retrieval.behaviour import Scores
from retrieval.protocol import Proposal, RetrievalRequest


class Cooccurrence:
    """Items taken by those who took the user's items; the score is Moment.cooccurrence."""

    name = "cooccurrence"

    def propose(self, request: RetrievalRequest, k: int) -> list[Proposal]:
        """At most k items, best first; none where nobody else took any of the user's items."""
        return [] if request.together is None else best(request.moment.item_ids, request.together, k)


class Popularity:
    """Items taken by most other users; with a half-life, recent interactions count more."""

    name = "popularity"

    def __init__(self, half_life_days: float | None) -> None:
        self._half_life_days = half_life_days

    def propose(self, request: RetrievalRequest, k: int) -> list[Proposal]:
        """At most k items, best first; none without interactions."""
        moment = request.moment
        return best(moment.item_ids, moment.popularity(request.query.user_id, self._half_life_days), k)


def best(item_ids: Sequence[str], scores: Scores, k: int) -> list[Proposal]:
    """At most k items of a score above 0, best first, ties by id; `item_ids` are sorted, scores beside them."""
    places = np.flatnonzero(scores > 0)
    if len(places) > k > 0:
        least = np.partition(scores[places], -k)[-k]
        places = places[scores[places] >= least]
    # A stable sort leaves ties in the order of ids.
    order = np.argsort(-scores[places], kind="stable")[:k]
    return [Proposal(item_id=item_ids[place], score=float(scores[place])) for place in places[order]]
