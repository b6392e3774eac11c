"""BM25 on titles (library bm25s): the latest past titles are the query, the catalogue's are the documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from scipy import sparse

from evaluation.baselines.config import Bm25Config
from evaluation.baselines.encoding import Encoder
from evaluation.protocol import Scores
from evaluation.types import Case, Training

_CELLS_AT_ONCE = 300_000  # small enough to stay in the processor's cache


class Bm25:
    """Sum over the query's words (repeated words repeated) of their BM25 weight in the candidate's title.

    Words are lower-cased, of two letters or more, without English stop words; weights as Lucene has them. An item that
    the training data lacks scores 0; past items count by their titles whether it has them or not.
    """

    def __init__(self, training: Training, config: Bm25Config) -> None:
        import bm25s

        self._encoder = Encoder(training)
        self._last = config.last
        tokens = _tokenize([training.items[item_id].title for item_id in training.item_ids])
        self._words = {word: place for place, word in enumerate(sorted({word for title in tokens for word in title}))}
        self._n_items = len(training.item_ids)
        self._weights = sparse.csr_array((len(self._words), self._n_items))
        if self._words:
            index = bm25s.BM25(k1=config.k1, b=config.b, method="lucene")
            numbered = [[self._words[word] for word in title] for title in tokens]
            index.index((numbered, self._words), create_empty_token=False, show_progress=False)
            shape = (self._n_items, len(self._words))
            parts = (index.scores["data"].astype(np.float64), index.scores["indices"], index.scores["indptr"])
            self._weights = sparse.csr_array(sparse.csc_array(parts, shape=shape).T)

    def score(self, cases: Sequence[Case]) -> list[Scores]:
        """See Baseline."""
        batch = self._encoder.encode(cases)
        queries = self._queries(cases)
        scores = np.zeros(len(batch.candidates))
        size = max(1, _CELLS_AT_ONCE // (self._n_items + 1))
        for start in range(0, batch.n_cases, size):
            rows = slice(*np.searchsorted(batch.candidate_case, [start, start + size]))
            dense = (queries[start : start + size] @ self._weights).toarray()
            known = np.flatnonzero(batch.candidates[rows] < self._n_items)
            scores[rows][known] = dense[batch.candidate_case[rows][known] - start, batch.candidates[rows][known]]
        return batch.split(scores)

    def _queries(self, cases: Sequence[Case]) -> sparse.csr_array:
        titles = [[past.item.title for past in case.history[-self._last :]] for case in cases]
        tokens = iter(_tokenize([title for shown in titles for title in shown]))
        words = [[self._words.get(word) for _ in shown for word in next(tokens)] for shown in titles]
        return _counts([[place for place in found if place is not None] for found in words], len(self._words))


def _tokenize(texts: Sequence[str]) -> list[list[str]]:
    import bm25s

    if not texts:
        return []
    return list(bm25s.tokenize(list(texts), stopwords="en", return_ids=False, show_progress=False))


def _counts(rows: Sequence[Iterable[int]], n_columns: int) -> sparse.csr_array:
    places = [(row, column) for row, columns in enumerate(rows) for column in columns]
    where = (np.array([row for row, _ in places], dtype=np.int64), np.array([column for _, column in places], np.int64))
    return sparse.csr_array((np.ones(len(places)), where), shape=(len(rows), n_columns))
