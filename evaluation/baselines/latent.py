"""Closeness to a case's latest past items by latent factors of who took what, as served."""

from __future__ import annotations

import numpy as np

from evaluation.baselines.encoding import Batch, Taken, runs
from evaluation.baselines.similarity import Similarities
from retrieval.latent import closeness, latent_vectors


class Latent:
    """What retrieval.latent measures, on the training data."""

    def __init__(self, taken: Taken, last: int, recency: float) -> None:
        self._n_items, self._last, self._recency = taken.n_items, last, recency
        self._vectors = latent_vectors(taken.matrix())

    def score(self, batch: Batch) -> Similarities:
        """One cosine per candidate row; not measured for items and histories without factors."""
        values = np.full(len(batch.candidates), np.nan)
        if self._vectors is not None:
            used = (batch.age < self._last) & (batch.history < self._n_items)
            places, weights = batch.history[used], self._recency ** batch.age[used].astype(np.float64)
            past = {run.case: run.rows for run in runs(batch.history_case[used])}
            for run in (run for run in runs(batch.candidate_case) if run.case in past):
                rows = past[run.case]
                found = closeness(self._vectors, places[rows].tolist(), weights[rows].tolist())
                if found is not None:
                    values[run.rows] = np.append(found, np.nan)[batch.candidates[run.rows]]
        measured = ~np.isnan(values)
        return Similarities(values=np.where(measured, values, 0.0), measured=measured)
