"""Item-to-item co-occurrence with a case's latest past items, and the item-kNN baseline made of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from evaluation.baselines.config import ItemKnnConfig
from evaluation.baselines.encoding import Batch, Encoder, Index, Taken
from evaluation.protocol import Scores
from evaluation.types import Case, Training

_PAIRS_HELD = 60_000_000
"""Co-occurring pairs up to which the matrix of items by items is kept: at most about 0.7 GB."""
_CELLS_AT_ONCE = 300_000  # small enough to stay in the processor's cache
_ROUNDING = 1e-9


class Cooccurrence:
    """Sum over the latest past items h of recency**age(h) * |users of both| / sqrt((|of c| + s) (|of h| + s)).

    c is the candidate, |of c| the number of its users, s the shrinkage.
    The case's own user is left out of all three counts, with everything that the training data knows of him: it would
    tie all he ever took to his history. A past item is not compared with itself. Age counts places in the history.
    """

    def __init__(self, taken: Taken, last: int, recency: float, shrinkage: float) -> None:
        self._taken = taken
        self._last = last
        self._recency = recency
        self._shrinkage = shrinkage
        matrix = taken.matrix()
        transposed = sparse.csr_array(matrix.T)
        # One product is faster, but with long histories the items by items would not fit into memory.
        pairs = int(np.sum(taken.lengths.astype(np.int64) ** 2))
        self._steps = [sparse.csr_array(transposed @ matrix)] if pairs <= _PAIRS_HELD else [transposed, matrix]

    def score(self, batch: Batch) -> Scores:
        """One value per candidate row, 0 and up; 0 for items nobody else took and for cases without known history."""
        taken, owner = self._taken, batch.users[batch.candidate_case]
        own = taken.contains(owner, batch.candidates)
        others = taken.counts[batch.candidates] - own
        used, weights = self._weights(batch)
        case, item = batch.history_case[used], batch.history[used]
        own_used = taken.contains(batch.users[case], item)
        users = (taken.counts[item] - own_used).astype(np.float64)
        scaled = weights / np.sqrt(users + self._shrinkage)
        together = self._together(batch, case, item, scaled)
        own_part = np.bincount(case, weights=scaled * own_used, minlength=batch.n_cases)
        together -= own_part[batch.candidate_case] * own
        norm = np.sqrt(others + self._shrinkage)
        scores = np.divide(together, norm, out=np.zeros_like(together), where=others > 0)
        scores -= self._with_itself(batch, case, item, weights * users / (users + self._shrinkage))
        scores[scores < _ROUNDING] = 0.0
        return scores

    def _weights(self, batch: Batch) -> tuple[Index, Scores]:
        recent = batch.age < self._last
        own = self._taken.contains(batch.users[batch.history_case], batch.history)
        used = np.flatnonzero(recent & (self._taken.counts[batch.history] - own > 0))
        return used, self._recency ** batch.age[used].astype(np.float64)

    def _together(
        self,
        batch: Batch,
        case: Index,
        item: Index,
        scaled: Scores,
    ) -> Scores:
        """Per candidate row the weighted number of users who took it together with the past items."""
        n_items = self._taken.n_items
        result = np.zeros(len(batch.candidates))
        weights = sparse.csr_array((scaled, (case, item)), shape=(batch.n_cases, n_items))
        size = max(1, _CELLS_AT_ONCE // (n_items + 1))
        for start in range(0, batch.n_cases, size):
            product = weights[start : start + size]
            for step in self._steps:
                product = product @ step
            rows = slice(*np.searchsorted(batch.candidate_case, [start, start + size]))
            known = np.flatnonzero(batch.candidates[rows] < n_items)
            dense = product.toarray()
            result[rows][known] = dense[batch.candidate_case[rows][known] - start, batch.candidates[rows][known]]
        return result

    def _with_itself(
        self,
        batch: Batch,
        case: Index,
        item: Index,
        weights: Scores,
    ) -> Scores:
        """Per candidate row the weight of its own places in the history: an item's closeness to itself."""
        wide = self._taken.n_items + 1
        keys, place = np.unique(case * wide + item, return_inverse=True)
        if not keys.size:
            return np.zeros(len(batch.candidates))
        sums = np.bincount(place, weights=weights)
        wanted = batch.candidate_case * wide + batch.candidates
        found = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[found] == wanted, sums[found], 0.0)


class ItemKnn:
    """Co-occurrence plus a little log(1 + popularity)."""

    def __init__(self, training: Training, config: ItemKnnConfig) -> None:
        self._encoder = Encoder(training)
        self._taken = Taken(training)
        self._cooccurrence = Cooccurrence(self._taken, config.last, config.recency, config.shrinkage)
        self._popularity = config.popularity

    def score(self, cases: Sequence[Case]) -> list[Scores]:
        """See Baseline."""
        batch = self._encoder.encode(cases)
        popularity = self._popularity * np.log1p(self._taken.counts[batch.candidates])
        return batch.split(self._cooccurrence.score(batch) + popularity)
