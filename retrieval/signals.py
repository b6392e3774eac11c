"""Measures retrieval's evidence for any item, whoever proposed it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from retrieval.behaviour import Behaviour
from retrieval.geometry import mean_direction
from retrieval.protocol import Embedder, RetrievalRequest, VectorIndex, Vectors
from retrieval.sources.similarity import liked_recent
from retrieval.types import Signals


class SignalMeter:
    """Measures Signals for candidates of a request."""

    def __init__(self, index: VectorIndex, embedder: Embedder, behaviour: Behaviour, liked_recent: int) -> None:
        self._index = index
        self._embedder = embedder
        self._behaviour = behaviour
        self._liked_recent = liked_recent

    def measure(self, request: RetrievalRequest, item_ids: Sequence[str]) -> list[Signals]:
        """One Signals per item, in order. A past item that is itself the candidate is left out of its similarities."""
        past_ids = [past.item.item_id for past in liked_recent(request.history, self._liked_recent)]
        vectors = self._index.vectors("items", list(dict.fromkeys([*item_ids, *past_ids])))
        moment = self._behaviour.before(request.as_of)
        together = moment.cooccurrence(request.history, request.query.user_id)
        users = moment.popularity(request.query.user_id)
        asked = self._asked(request)
        measured = []
        for item_id in item_ids:
            vector, place = vectors.get(item_id), moment.places.get(item_id)
            past = [vectors[one] for one in past_ids if one in vectors and one != item_id]
            # An item that nobody took yet is in the matrix all the same if somebody takes it after the moment.
            taken = place is not None and users[place] > 0
            measured.append(
                Signals(
                    similarity_max=_largest(vector, past),
                    similarity_mean=_to_mean(vector, past),
                    query_similarity=_cosine(vector, asked),
                    cooccurrence=float(together[place]) if together is not None and taken else None,
                    log_popularity=0.0 if place is None else math.log1p(float(users[place])),
                )
            )
        return measured

    def _asked(self, request: RetrievalRequest) -> Vectors | None:
        text = request.query.text
        return None if text is None or not text.strip() else self._embedder.embed([text])[0]


def _cosine(one: Vectors | None, other: Vectors | None) -> float | None:
    return None if one is None or other is None else float(one @ other)


def _largest(vector: Vectors | None, others: Sequence[Vectors]) -> float | None:
    return None if vector is None or not others else float(np.max(np.stack(others) @ vector))


def _to_mean(vector: Vectors | None, others: Sequence[Vectors]) -> float | None:
    return _cosine(vector, mean_direction(others))
