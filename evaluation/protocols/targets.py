"""Interactions that are asked for, as a lazy sequence: each entry is built when it is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import overload

import numpy as np
import numpy.typing as npt

from evaluation.data.types import Corpus, HeldOut, Mask
from retrieval.types import PastItem

Rows = npt.NDArray[np.intp]
"""Positions in a corpus's columns."""

_REMEMBERED_USERS = 1024
"""Bounds memory: so many users' histories."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Naming:
    """How held-out entries are called."""

    prefix: str = ""
    """Tells the parts apart, since a user may be asked in several."""
    with_item: bool = False
    """Whether a user can be asked more than once, so that the item belongs to the case's id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Past:
    """What is known of one user: rows, ascending, and the entries made of them."""

    rows: Rows
    entries: tuple[PastItem, ...]


class TargetRows(Sequence[HeldOut]):
    """Rows of a corpus as held-out entries, in the order of the rows.

    The history of an entry is what its user did before it (ties by item id) and what is known. With `labels` (one per
    corpus row) an entry has a label and one candidate, else a target.
    """

    def __init__(
        self,
        corpus: Corpus,
        rows: Rows,
        known: Mask,
        naming: Naming,
        *,
        labels: npt.NDArray[np.float64] | None = None,
        left_out: Mapping[str, int] | None = None,
    ) -> None:
        self.left_out: Mapping[str, int] = dict(left_out or {})
        """Users or interactions that could have been asked and are not, by reason."""
        self._corpus = corpus
        self._rows = rows
        self._known = known
        self._naming = naming
        self._labels = labels
        self._bounds = user_bounds(corpus)
        # Few users have most cases, or all scenarios and arms read the same few users: their entries are built once.
        self._past = lru_cache(maxsize=_REMEMBERED_USERS)(self._read)

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> HeldOut: ...

    @overload
    def __getitem__(self, index: slice) -> TargetRows: ...

    def __getitem__(self, index: int | slice) -> HeldOut | TargetRows:
        if isinstance(index, slice):
            return TargetRows(
                self._corpus, self._rows[index], self._known, self._naming, labels=self._labels, left_out=self.left_out
            )
        row = int(self._rows[index])
        user = int(self._corpus.user_index[row])
        past = self._past(user)
        history = past.entries[: int(np.searchsorted(past.rows, row))]
        item_id = self._corpus.item_ids[self._corpus.item_index[row]]
        user_id = self._corpus.user_ids[user]
        case_id = self._case_id(row, user_id, item_id)
        if self._labels is None:
            return HeldOut(case_id=case_id, user_id=user_id, history=history, target=item_id)
        label = float(self._labels[row])
        return HeldOut(case_id=case_id, user_id=user_id, history=history, label=label, candidates=(item_id,))

    def user_at(self, index: int) -> str:
        """The user of an entry, without building it."""
        return self._corpus.user_ids[int(self._corpus.user_index[self._rows[index]])]

    def history_lengths(self) -> npt.NDArray[np.int64]:
        """Length of every entry's history, in order."""
        before = np.concatenate(([0], np.cumsum(self._known)))
        starts = self._bounds[self._corpus.user_index[self._rows]]
        return np.asarray(before[self._rows] - before[starts], dtype=np.int64)

    def _read(self, user: int) -> _Past:
        start, stop = int(self._bounds[user]), int(self._bounds[user + 1])
        rows = start + np.flatnonzero(self._known[start:stop])
        return _Past(rows=rows, entries=_entries(self._corpus, rows))

    def _case_id(self, row: int, user_id: str, item_id: str) -> str:
        if not self._naming.with_item:
            return f"{self._naming.prefix}{user_id}"
        start = self._bounds[self._corpus.user_index[row]]
        earlier = int(np.count_nonzero(self._corpus.item_index[start:row] == self._corpus.item_index[row]))
        return f"{self._naming.prefix}{user_id}:{item_id}" + (f":{earlier + 1}" if earlier else "")


def users_of(entries: Sequence[HeldOut]) -> Iterator[str | None]:
    """The user of every entry, in order; None for a stranger. No history is built that need not be."""
    if isinstance(entries, TargetRows):
        return map(entries.user_at, range(len(entries)))
    return (held.user_id for held in entries)


def user_bounds(corpus: Corpus) -> Rows:
    """Where each user's rows begin, and at the end the number of rows; shape (n_users + 1,)."""
    return np.searchsorted(corpus.user_index, np.arange(len(corpus.user_ids) + 1))


def _entries(corpus: Corpus, rows: Rows) -> tuple[PastItem, ...]:
    items, item_ids = corpus.items, corpus.item_ids
    columns = zip(
        corpus.item_index[rows].tolist(),
        corpus.timestamps[rows].tolist(),
        corpus.liked[rows].tolist(),
        corpus.ratings[rows].tolist(),
        strict=True,
    )
    return tuple(
        # A rating that differs from itself is NaN: there was none.
        PastItem(item=items[item_ids[item]], timestamp=at, liked=liked, rating=rating if rating == rating else None)  # noqa: PLR0124
        for item, at, liked, rating in columns
    )
