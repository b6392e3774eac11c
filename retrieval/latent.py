"""Items as vectors of latent factors of who took what.

Two are near each other where the same people took them, or took other items that are near each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.linalg import svds

FACTORS = 64
_LEAST_FACTORS = 2
_SHORTEST = 1e-9

Factors = npt.NDArray[np.float64]


def latent_vectors(matrix: sparse.sparray, n_factors: int = FACTORS) -> Factors | None:
    """Unit rows, shape (n_items, at most n_factors), of a matrix of users by items: 1 where the one took the other.

    The rows of V S, of the truncated singular value decomposition U S V' of the matrix whose entries were divided by
    sqrt(|items of the user| |users of the item|): what one person took much of, and what all took, says little. The row
    of an item that nobody took is zero. None where there are too few users or items to have factors. Reference: the
    low-pass filter of Shen et al., How Powerful is Graph Convolution for Recommendation?, CIKM 2021.
    """
    users, items = (np.asarray(matrix.sum(axis=axis)).ravel() for axis in (1, 0))
    # Empty rows and columns, such as what comes only after the moment, must not move a digit.
    rows, columns = np.flatnonzero(users), np.flatnonzero(items)
    n_factors = min(n_factors, len(rows) - 1, len(columns) - 1)
    if n_factors < _LEAST_FACTORS:
        return None
    kept = sparse.csr_array(matrix)[rows][:, columns]
    scaled = sparse.diags_array(1 / np.sqrt(users[rows])) @ kept @ sparse.diags_array(1 / np.sqrt(items[columns]))
    # A start of our own: the library's is drawn anew each time.
    start = np.random.default_rng(0).uniform(size=min(kept.shape))
    _, strengths, factors = svds(scaled, k=n_factors, v0=start)
    found = factors.T * strengths
    norms = np.linalg.norm(found, axis=1, keepdims=True)
    vectors: Factors = np.zeros((len(items), n_factors))
    vectors[columns] = np.divide(found, norms, out=np.zeros_like(found), where=norms > _SHORTEST)
    return vectors


def closeness(vectors: Factors, places: Sequence[int], weights: Sequence[float]) -> Factors | None:
    """Cosine of each item with the weighted sum of past items, shape (n_items,); NaN where an item has no factors.

    A past item is compared with the others only. None where none of the past items has factors.
    """
    past = vectors[list(places)]
    taste = np.asarray(weights) @ past
    if not places or not taste.any():
        return None
    found = vectors @ taste / np.linalg.norm(taste)
    for place in set(places):
        own = sum(weight for weight, at in zip(weights, places, strict=True) if at == place)
        others = taste - own * vectors[place]
        size = np.linalg.norm(others)
        found[place] = vectors[place] @ others / size if size > _SHORTEST else np.nan
    # Only a zero can be of an item without factors: looking through all vectors takes as long as the product.
    zeros = np.flatnonzero(found == 0.0)
    found[zeros[~vectors[zeros].any(axis=1)]] = np.nan
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class LatentFactors:
    """Items' vectors as they were at a moment."""

    item_ids: tuple[str, ...]
    vectors: Factors
    """Shape (n_items, n_factors), in the order of item_ids."""
    as_of: float
    """Nothing at or after this moment (Unix seconds) is in them."""
    n_interactions: int
    """How many they were made of."""
