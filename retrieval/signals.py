"""Measures retrieval's evidence for any item, whoever proposed it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from retrieval.geometry import mean_direction
from retrieval.protocol import RetrievalRequest, VectorIndex, Vectors
from retrieval.types import Item, Signals


def measure(
    index: VectorIndex, request: RetrievalRequest, items: Sequence[Item], outside: Mapping[str, Vectors] | None = None
) -> list[Signals]:
    """One Signals per item, in order. A past item that is itself the candidate is left out of its similarities.

    `outside` holds vectors, shape (dimension,), by id for items that the index does not know.
    """
    vectors = {**(outside or {}), **index.vectors("items", list(dict.fromkeys(item.item_id for item in items)))}
    moment, together = request.moment, request.together
    users = moment.popularity(request.query.user_id)
    measured = []
    for item in items:
        item_id = item.item_id
        vector, place = vectors.get(item_id), moment.places.get(item_id)
        others = {past_id: one for past_id, one in request.liked.items() if past_id != item_id}
        past = list(others.values())
        # An item that nobody took yet is in the matrix all the same if somebody takes it after the moment.
        taken = place is not None and users[place] > 0
        measured.append(
            Signals(
                similarity_max=_largest(vector, past),
                similarity_mean=_cosine(vector, mean_direction(past, request.weights_of(others))),
                query_similarity=_cosine(vector, request.profile if request.asked is None else request.asked),
                cooccurrence=float(together[place]) if together is not None and taken else None,
                latent=None if request.alike is None or place is None else _measured(request.alike[place]),
                bm25=None if request.worded is None else request.worded.of(item),
                interactions_per_item=moment.interactions_per_item,
                log_popularity=0.0 if place is None else math.log1p(float(users[place])),
            )
        )
    return measured


def _measured(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _cosine(one: Vectors | None, other: Vectors | None) -> float | None:
    return None if one is None or other is None else float(one @ other)


def _largest(vector: Vectors | None, others: Sequence[Vectors]) -> float | None:
    return None if vector is None or not others else float(np.max(np.stack(others) @ vector))
