"""BM25 of the candidates for the words of the history, as it is served (retrieval.bm25)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evaluation.baselines.similarity import Similarities
from evaluation.protocol import Scores
from evaluation.types import Case, Training
from retrieval.bm25 import bm25_of


class Bm25:
    """Words in common with the latest liked past items, in the catalogue of the training data."""

    def __init__(self, training: Training) -> None:
        self._bm25 = bm25_of(training.items)

    def score(self, cases: Sequence[Case]) -> list[Scores]:
        """See Baseline; 0 where nothing can be measured."""
        found = self.similarities(cases).values
        return np.split(found, np.cumsum([len(case.candidates) for case in cases])[:-1]) if cases else []

    def similarities(self, cases: Sequence[Case]) -> Similarities:
        """One score per candidate row, case after case; not measured where the history has no word of any item."""
        values, measured = [], []
        for case in cases:
            match = self._bm25.match(case.history)
            values += [0.0 if match is None else match.of(item) for item in case.candidates]
            measured += [match is not None] * len(case.candidates)
        return Similarities(values=np.array(values), measured=np.array(measured, dtype=np.bool_))
