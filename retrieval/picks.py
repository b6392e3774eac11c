"""Items to ask a stranger about: known to many, and unlike each other, so that each answer tells something new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from retrieval.protocol import Vectors
from retrieval.types import Candidate

LOOKED_AT = 100
"""How many candidates are worth choosing from: beyond these few people would know them."""
_KNOWN = 0.4


def choose_picks(candidates: Sequence[Candidate], vectors: Mapping[str, Vectors], n: int) -> tuple[Candidate, ...]:
    """At most n of the candidates, in the order chosen; ties by item id.

    Each time the one with the largest 0.4 * popularity - 0.6 * similarity, where popularity is log_popularity over the
    largest of the candidates, in [0, 1], and similarity the largest cosine with one chosen before (maximal marginal
    relevance, Carbonell and Goldstein, SIGIR 1998). `vectors` are the items' unit vectors by item id, shape
    (dimension,); an item without one is taken for unlike everything.
    """
    most = max((one.signals.log_popularity for one in candidates), default=0.0) or 1.0
    nearest: dict[str, float] = {}
    left = sorted(candidates, key=lambda one: one.item.item_id)
    chosen: list[Candidate] = []

    def worth(one: Candidate) -> float:
        known = one.signals.log_popularity / most
        return _KNOWN * known - (1 - _KNOWN) * nearest.get(one.item.item_id, 0.0)

    while left and len(chosen) < n:
        best = max(left, key=worth)
        left.remove(best)
        chosen.append(best)
        new = vectors.get(best.item.item_id)
        if new is None:
            continue
        for one in left:
            other = vectors.get(one.item.item_id)
            if other is not None:
                nearest[one.item.item_id] = max(nearest.get(one.item.item_id, -1.0), float(new @ other))
    return tuple(chosen)
