"""Cosine of candidates with a case's latest liked items, on the vectors of the Chroma index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evaluation.baselines.encoding import Batch, Encoder, Mask
from evaluation.protocol import Scores
from evaluation.types import Case, Training

Pooling = Literal["mean", "max"]
LAST: dict[Pooling, int] = {"mean": 3, "max": 10}
"""How many of the latest liked items are looked at where the configuration does not say."""
_SHORTEST = 1e-9


@dataclass(frozen=True, kw_only=True, slots=True)
class Similarities:
    """Per candidate row the pooled cosine, in [-1, 1], and whether there was anything to measure."""

    values: Scores
    """0 where nothing could be measured."""
    measured: Mask


class Similarity:
    """Pools the cosines with the latest liked items that have a vector; where a case likes none, with all of them.

    `max` is the largest cosine with one of them, `mean` the cosine with their mean's direction, as in retrieval.
    """

    def __init__(self, training: Training, pooling: Pooling, last: int | None) -> None:
        strange = np.zeros((1, training.vectors.shape[1]))
        # In double precision: sums over 384 products then agree beyond any digit that could decide a tie.
        self._vectors = np.concatenate([training.vectors.astype(np.float64), strange])
        self._known = np.append(np.linalg.norm(self._vectors[:-1], axis=1) > _SHORTEST, False)
        self._pooling: Pooling = pooling
        self._last = last or LAST[pooling]

    def score(self, batch: Batch) -> Similarities:
        """The candidates' similarities, in the order of batch.candidates."""
        values = np.zeros(len(batch.candidates))
        measured = self._known[batch.candidates]
        shown = self._shown(batch)
        past = np.split(batch.history[shown], _ends(batch.history_case[shown], batch.n_cases))
        stops = np.append(_ends(batch.candidate_case, batch.n_cases), len(values))
        start = 0
        # Case by case: a product's last bits then never depend on which cases are asked together.
        for items, stop in zip(past, stops.tolist(), strict=True):
            pooled = self._pooled(batch.candidates[start:stop], items) if items.size else None
            if pooled is None:
                measured[start:stop] = False
            else:
                values[start:stop] = pooled
            start = stop
        return Similarities(values=values * measured, measured=measured)

    def _shown(self, batch: Batch) -> Mask:
        known = self._known[batch.history]
        liked = known & batch.liked
        none_liked = np.bincount(batch.history_case, weights=liked, minlength=batch.n_cases) == 0
        return batch.latest(np.where(none_liked[batch.history_case], known, liked), self._last)

    def _pooled(self, candidates: np.ndarray, items: np.ndarray) -> Scores | None:
        past = self._vectors[items]
        if self._pooling == "max":
            return np.asarray((self._vectors[candidates] @ past.T).max(axis=1))
        mean = past.mean(axis=0)
        length = float(np.linalg.norm(mean))
        return None if length < _SHORTEST else np.asarray(self._vectors[candidates] @ (mean / length))


def _ends(case_of_row: np.ndarray, n_cases: int) -> np.ndarray:
    return np.cumsum(np.bincount(case_of_row, minlength=n_cases))[:-1]


class Embedding:
    """The pooled cosine alone; 0 where there is nothing to measure."""

    def __init__(self, training: Training, pooling: Pooling, last: int | None) -> None:
        self._encoder = Encoder(training)
        self._similarity = Similarity(training, pooling, last)

    def score(self, cases: Sequence[Case]) -> list[Scores]:
        """See Baseline."""
        batch = self._encoder.encode(cases)
        return batch.split(self._similarity.score(batch).values)
