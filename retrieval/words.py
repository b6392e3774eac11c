"""The words of items, and how well they match a user's past."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrieval.types import AttributeValue, Item

_UNSPACED = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Han characters and kana, which stand without spaces."""
_RUNS = re.compile(rf"[{_UNSPACED}]+|[^\W{_UNSPACED}]+")


def words_of(item: Item) -> list[str]:
    """Lower-cased words of title and attributes, repeated as they are; Chinese and Japanese text as character pairs.

    Whole numbers, such as a year, are words too; other numbers and truth values say nothing alike of two items.
    """
    texts = [item.title, *(text for value in item.attributes.values() for text in _texts(value))]
    return [word for text in texts for run in _RUNS.findall(text.lower()) for word in _words(run)]


def _texts(value: AttributeValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        yield from value
    elif not isinstance(value, bool) and value == int(value):
        yield str(int(value))


def _words(run: str) -> list[str]:
    if not re.match(f"[{_UNSPACED}]", run):
        return [run]
    return [run[at : at + 2] for at in range(max(1, len(run) - 1))]


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """How well the words of any item match a user's past, as of one catalogue."""

    item_ids: tuple[str, ...]
    places: Mapping[str, int]
    """Where an item stands in item_ids and scores."""
    scores: npt.NDArray[np.float64]
    """Shape (n_items,), 0 and up."""
    of_words: Callable[[Sequence[str]], float]

    def of(self, item: Item) -> float:
        """The score of an item, whether it is in the catalogue or not."""
        place = self.places.get(item.item_id)
        return self.of_words(words_of(item)) if place is None else float(self.scores[place])

    def at(self, item_ids: Sequence[str]) -> npt.NDArray[np.float64]:
        """The scores of these items, in order; NaN for one that is not in the catalogue."""
        places = [self.places.get(item_id, -1) for item_id in item_ids]
        found: npt.NDArray[np.float64] = np.append(self.scores, math.nan)[places]
        return found
