"""Items that are good and unlike each other: what a stranger is asked about, and what they are shown first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from retrieval.fuse import Joined
from retrieval.protocol import Vectors
from retrieval.types import Candidate

LOOKED_AT = 100
"""How many candidates are worth choosing from: beyond these few people would know them."""
_WORTH = 0.4


def choose_picks(candidates: Sequence[Candidate], vectors: Mapping[str, Vectors], n: int) -> tuple[Candidate, ...]:
    """At most n of the candidates, in the order chosen; ties by item id.

    Each time the one with the largest 0.4 * popularity - 0.6 * similarity, where popularity is log_popularity over the
    largest of the candidates, in [0, 1]; see `_marginal`. `vectors` are the items' unit vectors by item id, shape
    (dimension,); an item without one is taken for unlike everything.
    """
    most = max((one.signals.log_popularity for one in candidates), default=0.0) or 1.0
    by_id = {one.item.item_id: one for one in candidates}
    known = {item_id: one.signals.log_popularity / most for item_id, one in by_id.items()}
    return tuple(by_id[item_id] for item_id in _marginal(known, vectors, n))


def spread_out(joined: Sequence[Joined], vectors: Mapping[str, Vectors], n: int) -> list[Joined]:
    """At most n of them for somebody of whom nothing is known, so that the list varies.

    As `choose_picks`, with the score in place of popularity, scaled to [0, 1] from the least to the best one.
    """
    scores = [one.score for one in joined]
    least, most = min(scores, default=0.0), max(scores, default=0.0)
    by_id = {one.item_id: one for one in joined}
    scaled = {item_id: (one.score - least) / ((most - least) or 1.0) for item_id, one in by_id.items()}
    return [by_id[item_id] for item_id in _marginal(scaled, vectors, n)]


def _marginal(worth: Mapping[str, float], vectors: Mapping[str, Vectors], n: int) -> list[str]:
    """Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998): at most n ids in the order chosen.

    Each time the largest 0.4 * worth - 0.6 * the largest cosine with one chosen before, 0 where there is none; ties by
    id.
    """
    nearest: dict[str, float] = {}
    left = sorted(worth)
    chosen: list[str] = []

    def marginal(item_id: str) -> float:
        return _WORTH * worth[item_id] - (1 - _WORTH) * nearest.get(item_id, 0.0)

    while left and len(chosen) < n:
        best = max(left, key=marginal)
        left.remove(best)
        chosen.append(best)
        new = vectors.get(best)
        if new is None:
            continue
        for item_id in left:
            other = vectors.get(item_id)
            if other is not None:
                nearest[item_id] = max(nearest.get(item_id, -1.0), float(new @ other))
    return chosen
