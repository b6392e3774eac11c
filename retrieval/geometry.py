"""Plain vector arithmetic on unit vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retrieval.protocol import Vectors


def mean_direction(vectors: Sequence[Vectors], weights: Sequence[float] | None = None) -> Vectors | None:
    """The (weighted) mean of the vectors scaled to unit length; None for no vectors or where they cancel out."""
    if not vectors:
        return None
    mean = np.mean(np.stack(vectors), axis=0) if weights is None else np.asarray(weights) @ np.stack(vectors)
    length = float(np.linalg.norm(mean))
    return None if length < 1e-9 else (mean / length).astype(np.float32)


def maximal_marginal_relevance(relevance: Vectors, vectors: Vectors, k: int, trade_off: float) -> list[int]:
    """Indices of at most k rows, picked greedily by trade_off * relevance - (1 - trade_off) * nearness to the picked.

    Nearness is the largest cosine to a row that was picked before. `relevance` has shape (n,), `vectors` shape
    (n, dimension) with unit rows. Ties go to the smaller index. Reference: Carbonell and Goldstein, SIGIR 1998.
    """
    picked: list[int] = []
    nearest = np.zeros(len(relevance), dtype=np.float32)
    left = np.ones(len(relevance), dtype=bool)
    while len(picked) < min(k, len(relevance)):
        value = np.where(left, trade_off * relevance - (1 - trade_off) * nearest, -np.inf)
        choice = int(np.argmax(value))
        similarity = vectors @ vectors[choice]
        nearest = similarity if not picked else np.maximum(nearest, similarity)
        picked.append(choice)
        left[choice] = False
    return picked
