"""Held-out entries that are made on demand from columns: a few bytes each, however long their histories are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, overload

import numpy as np
import numpy.typing as npt

from evaluation.data.types import Corpus, HeldOut
from retrieval.types import PastItem

Places = npt.NDArray[np.int32]
"""Of items, in a corpus's item_ids."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Past:
    """Past items as parallel columns, the histories one after the other, each oldest first."""

    item_index: Places
    timestamps: npt.NDArray[np.float64]
    liked: npt.NDArray[np.bool_]
    ratings: npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """Where each history starts in the columns and where it stops."""

    starts: npt.NDArray[np.int64]
    stops: npt.NDArray[np.int64]


class Lists(Protocol):
    """The candidates that a data set gives."""

    def of(self, row: int) -> tuple[str, ...]:
        """Item ids of a row."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """What is asked, in columns that are all of one length."""

    case_ids: Sequence[str]
    user_ids: Sequence[str | None]
    bounds: Bounds
    asked: Places
    """The target, or the one item that the label belongs to."""
    labels: npt.NDArray[np.float64] | None = None
    """A row with a label is a labelled case; NaN for a row with a target."""
    lists: Lists | None = None


class HeldOutRows(Sequence[HeldOut]):
    """Rows over columns of past items; reading an entry twice gives equal entries."""

    def __init__(self, corpus: Corpus, past: Past, rows: Rows) -> None:
        self._items = corpus.items
        self._item_ids = corpus.item_ids
        self._past = past
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows.case_ids)

    @property
    def latest(self) -> float:
        """Time of the latest past item, 0 without any."""
        return float(self._past.timestamps.max(initial=0.0))

    @overload
    def __getitem__(self, place: int) -> HeldOut: ...

    @overload
    def __getitem__(self, place: slice) -> list[HeldOut]: ...

    def __getitem__(self, place: int | slice) -> HeldOut | list[HeldOut]:
        if isinstance(place, slice):
            return [self._entry(one) for one in range(*place.indices(len(self)))]
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        return self._entry(place % len(self))

    def _entry(self, row: int) -> HeldOut:
        rows = self._rows
        asked = self._item_ids[rows.asked[row]]
        history = self._history(int(rows.bounds.starts[row]), int(rows.bounds.stops[row]))
        case_id, user_id = rows.case_ids[row], rows.user_ids[row]
        label = math.nan if rows.labels is None else float(rows.labels[row])
        if not math.isnan(label):
            return HeldOut(case_id=case_id, user_id=user_id, history=history, label=label, candidates=(asked,))
        candidates = None if rows.lists is None else rows.lists.of(row)
        return HeldOut(case_id=case_id, user_id=user_id, history=history, target=asked, candidates=candidates)

    def _history(self, start: int, stop: int) -> tuple[PastItem, ...]:
        past = self._past
        return tuple(
            PastItem(
                item=self._items[self._item_ids[item]],
                timestamp=timestamp,
                liked=liked,
                rating=None if math.isnan(rating) else rating,
            )
            for item, timestamp, liked, rating in zip(
                past.item_index[start:stop].tolist(),
                past.timestamps[start:stop].tolist(),
                past.liked[start:stop].tolist(),
                past.ratings[start:stop].tolist(),
                strict=True,
            )
        )


def past_of(corpus: Corpus) -> Past:
    """The corpus's own interactions."""
    return Past(item_index=corpus.item_index, timestamps=corpus.timestamps, liked=corpus.liked, ratings=corpus.ratings)


def bounds_of(corpus: Corpus, user_ids: Sequence[str]) -> Bounds:
    """Where the histories of these users are in `past_of(corpus)`; empty for users without interactions."""
    places = {user_id: place for place, user_id in enumerate(corpus.user_ids)}
    wanted = np.fromiter((places.get(user_id, len(places)) for user_id in user_ids), np.int64, len(user_ids))
    starts = np.searchsorted(corpus.user_index, wanted, side="left")
    return Bounds(starts=starts, stops=np.searchsorted(corpus.user_index, wanted, side="right"))


def implicit_past(item_index: Places, bounds: Bounds) -> Past:
    """Past items of which only the order is known: their time is their place in their history, all are liked."""
    n = len(item_index)
    lengths = bounds.stops - bounds.starts
    return Past(
        item_index=item_index,
        timestamps=(np.arange(n) - np.repeat(bounds.starts, lengths)).astype(np.float64),
        liked=np.ones(n, np.bool_),
        ratings=np.full(n, np.nan),
    )


def bounds_from(lengths: Sequence[int]) -> Bounds:
    """Histories of these lengths, one right after the other."""
    stops = np.cumsum(np.asarray(lengths, dtype=np.int64))
    return Bounds(starts=stops - np.asarray(lengths, dtype=np.int64), stops=stops)
