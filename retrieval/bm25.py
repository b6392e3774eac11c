"""BM25: how much the words of an item are the words of what a user took.

The words are those of the title and the attributes. Reference: Robertson and Zaragoza, The Probabilistic Relevance
Framework: BM25 and Beyond, 2009; idf as Lucene takes it, which is never below 0.
"""

from __future__ import annotations

import math
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from retrieval.behaviour import HISTORY_LOOKED_AT, RECENCY, Scores
from retrieval.sources.similarity import liked_recent
from retrieval.types import Item, PastItem
from retrieval.words import Match, words_of

K1 = 1.5
"""How fast a word that an item repeats stops counting."""
B = 0.75
"""How much items of many words are discounted."""
_ROUNDING = 1e-9

Numbers = npt.NDArray[np.int32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Bm25:
    """The words of one state of the catalogue."""

    item_ids: tuple[str, ...]
    places: Mapping[str, int]
    numbers: Mapping[str, int]
    """Number of each word. Words of later states may be among them, which have no row."""
    weights: sparse.csr_array
    """Shape (n_words, n_items): idf, times tf / (tf + k1 (1 - b + b length / mean length))."""
    idf: Scores
    """Shape (n_words,)."""
    mean_length: float

    def match(self, history: Sequence[PastItem], recency: Mapping[str, float] | None = None) -> Match | None:
        """Sum over the words of the latest 20 liked items of `history`, each weighted 0.9 to the power of its age.

        `recency` is what each of them counts besides, by item id. A past item is compared with the others only. None
        where none of these items has a word that any item has.
        """
        latest = [past.item for past in liked_recent(history, HISTORY_LOOKED_AT)][::-1]
        asked: defaultdict[int, float] = defaultdict(float)
        own: list[tuple[int, list[str], float]] = []
        for age, item in enumerate(latest):
            weight = RECENCY**age * (1.0 if recency is None else recency[item.item_id])
            words = words_of(item)
            for word in self._known(words):
                asked[word] += weight
            if item.item_id in self.places:
                own.append((self.places[item.item_id], words, weight))
        scores = self._scores(asked)
        if scores is None:
            return None
        for place, words, weight in own:
            scores[place] -= weight * self._score(Counter(self._known(words)), words)
        scores[scores < _ROUNDING] = 0.0
        return Match(
            item_ids=self.item_ids, places=self.places, scores=scores, of_words=lambda words: self._score(asked, words)
        )

    def _known(self, words: Sequence[str]) -> list[int]:
        numbered = (self.numbers.get(word, len(self.idf)) for word in words)
        return [number for number in numbered if number < len(self.idf)]

    def _scores(self, asked: Mapping[int, float]) -> Scores | None:
        """Of all items: only the rows of these words are read."""
        if not asked:
            return None
        starts, data, columns = self.weights.indptr, self.weights.data, self.weights.indices
        rows = [(slice(starts[word], starts[word + 1]), weight) for word, weight in sorted(asked.items())]
        added = np.concatenate([data[row] * weight for row, weight in rows])
        found = np.bincount(np.concatenate([columns[row] for row, _ in rows]), added, len(self.item_ids))
        return found.astype(np.float64)

    def _score(self, asked: Mapping[int, float], words: Sequence[str]) -> float:
        """Of an item of these words."""
        counts = Counter(self._known(words))
        discount = float(_discount(np.array(len(words)), self.mean_length))
        weights = {word: float(self.idf[word]) * n / (n + discount) for word, n in counts.items() if word in asked}
        return math.fsum(asked[word] * weight for word, weight in weights.items())


def _discount(lengths: Scores, mean_length: float) -> Scores:
    return K1 * (1 - B + B * lengths / mean_length)


class Words:
    """Gives the Bm25 of the catalogue as it is. Thread-safe; after a change only the items that changed are read."""

    def __init__(self, catalogue: Callable[[], Mapping[str, Item]]) -> None:
        self._catalogue = catalogue
        self._lock = threading.Lock()
        self._numbers: dict[str, int] = {}
        self._read: Mapping[str, tuple[Item, Numbers]] = {}
        self._made: tuple[Mapping[str, Item], Bm25] | None = None

    def bm25(self) -> Bm25:
        """Of the catalogue as it is now."""
        with self._lock:
            items = self._catalogue()
            if self._made is None or self._made[0] is not items:
                self._read = {item_id: self._words(item) for item_id, item in items.items()}
                self._made = (items, _of([words for _, words in self._read.values()], tuple(items), self._numbers))
            return self._made[1]

    def _words(self, item: Item) -> tuple[Item, Numbers]:
        known, numbers = self._read.get(item.item_id), self._numbers
        if known is not None and known[0] is item:
            return known
        return item, np.array([numbers.setdefault(word, len(numbers)) for word in words_of(item)], dtype=np.int32)


def bm25_of(items: Mapping[str, Item]) -> Bm25:
    """Of items that do not change."""
    return Words(lambda: items).bm25()


def _of(words: Sequence[Numbers], item_ids: tuple[str, ...], numbers: Mapping[str, int]) -> Bm25:
    lengths = np.array([len(one) for one in words], dtype=np.float64)
    flat = np.concatenate([np.zeros(0, dtype=np.int32), *words])
    columns = np.repeat(np.arange(len(words), dtype=np.int32), lengths.astype(np.int64))
    counts = sparse.csr_array((np.ones(len(flat)), (flat, columns)), shape=(len(numbers), len(words)))
    counts.sum_duplicates()
    having = np.diff(counts.indptr)
    idf = np.log1p((len(words) - having + 0.5) / (having + 0.5))
    mean_length = float(lengths.mean()) if flat.size else 1.0
    counts.data = np.repeat(idf, having) * counts.data / (counts.data + _discount(lengths, mean_length)[counts.indices])
    return Bm25(
        item_ids=item_ids,
        places={item_id: place for place, item_id in enumerate(item_ids)},
        numbers=numbers,
        weights=counts,
        idf=idf,
        mean_length=mean_length,
    )
