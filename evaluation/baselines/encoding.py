"""Cases as columns of numbers, and what the training data says of items and users.

Item indices point into Training.item_ids; the index n_items stands for an item that the training data lacks, so that
arrays with one more row than items answer for it. User indices work the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from evaluation.protocol import Scores
from evaluation.protocols.scenarios import hides_history
from evaluation.types import Case, Training

Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Cases as columns: one row per candidate and one row per past item, case after case."""

    n_cases: int
    users: Index
    """Shape (n_cases,); n_users for a stranger."""
    own: Mask
    """Whether all that was learnt of the case's user may be used, shape (n_cases,): a user of the training data whose
    history is not cut. Where it is, the case must not know more than what is left of it."""
    candidates: Index
    candidate_case: Index
    history: Index
    history_case: Index
    age: Index
    """How many places the past item lies behind the latest one of its case; 0 is the latest."""
    liked: Mask
    ratings: Scores
    """NaN where the past item was not rated."""

    def split(self, scores: Scores) -> list[Scores]:
        """Scores in the order of `candidates`, cut into one array per case."""
        ends = np.cumsum(np.bincount(self.candidate_case, minlength=self.n_cases))
        return np.split(scores, ends[:-1]) if self.n_cases else []

    def latest(self, chosen: Mask, last: int) -> Mask:
        """Which past items are among the latest `last` of the chosen ones of their case."""
        # Counting from the end: a cumulative sum over all, less what the cases behind hold.
        behind = np.cumsum(chosen[::-1])[::-1]
        per_case = np.bincount(self.history_case, weights=chosen, minlength=self.n_cases)
        cases_behind = per_case.sum() - np.cumsum(per_case)
        return np.asarray(chosen & (behind - cases_behind[self.history_case] <= last))


class Encoder:
    """Turns cases into a Batch by the ids of the training data."""

    def __init__(self, training: Training) -> None:
        self._items = {item_id: place for place, item_id in enumerate(training.item_ids)}
        self._users = {user_id: place for place, user_id in enumerate(training.user_ids)}

    def encode(self, cases: Sequence[Case]) -> Batch:
        """The cases as columns, in order."""
        items, strange = self._items, len(self._items)
        n_candidates = [len(case.candidates) for case in cases]
        lengths = np.array([len(case.history) for case in cases], dtype=np.int64)
        past = [entry for case in cases for entry in case.history]
        places = np.arange(len(cases), dtype=np.int64)
        history_case = np.repeat(places, lengths)
        users = np.array([self._users.get(case.user_id or "", len(self._users)) for case in cases], dtype=np.int64)
        told = np.array([not hides_history(case.scenario) for case in cases], dtype=np.bool_)
        return Batch(
            n_cases=len(cases),
            users=users,
            own=told & (users < len(self._users)),
            candidates=np.array(
                [items.get(item.item_id, strange) for case in cases for item in case.candidates], dtype=np.int64
            ),
            candidate_case=np.repeat(places, n_candidates),
            history=np.array([items.get(entry.item.item_id, strange) for entry in past], dtype=np.int64),
            history_case=history_case,
            age=np.cumsum(lengths)[history_case] - 1 - np.arange(len(past)),
            liked=np.array([entry.liked for entry in past], dtype=np.bool_),
            ratings=np.array([np.nan if entry.rating is None else entry.rating for entry in past], dtype=np.float64),
        )


class Taken:
    """Which user took which item in training, each pair once."""

    def __init__(self, training: Training) -> None:
        self.n_users, self.n_items = len(training.user_ids), len(training.item_ids)
        self._pairs = np.unique(self._key(training.user_index, training.item_index))
        self.users, self.items = np.divmod(self._pairs, self.n_items + 1)
        self.counts = np.bincount(self.items, minlength=self.n_items + 1).astype(np.float64)
        """Users per item, shape (n_items + 1,); 0 for an unknown item."""
        self.lengths = np.bincount(self.users, minlength=self.n_users)
        """Items per user, shape (n_users,)."""

    def _key(self, users: npt.NDArray[np.integer], items: npt.NDArray[np.integer]) -> Index:
        return users.astype(np.int64) * (self.n_items + 1) + items

    def contains(self, users: Index, items: Index) -> Mask:
        """Whether each user took the item beside it."""
        if not self._pairs.size:
            return np.zeros(len(users), dtype=np.bool_)
        keys = self._key(users, items)
        found = np.minimum(np.searchsorted(self._pairs, keys), len(self._pairs) - 1)
        return np.asarray(self._pairs[found] == keys)

    def matrix(self, dtype: type[np.floating] = np.float64) -> sparse.csr_array:
        """1 where the user took the item, shape (n_users, n_items)."""
        ones = np.ones(len(self.users), dtype=dtype)
        return sparse.csr_array((ones, (self.users, self.items)), shape=(self.n_users, self.n_items))


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """The rows of one case."""

    case: int
    rows: slice


def runs(case_of_row: Index) -> list[Run]:
    """The rows of each case that has some; rows are sorted by case."""
    cases, starts = np.unique(case_of_row, return_index=True)
    stops = np.append(starts, len(case_of_row))[1:]
    spans = zip(cases.tolist(), starts.tolist(), stops.tolist(), strict=True)
    return [Run(case=case, rows=slice(start, stop)) for case, start, stop in spans]


def known_history(batch: Batch, n_items: int) -> sparse.csr_array:
    """1 where the case's history holds a known item, each once, shape (n_cases, n_items)."""
    known = batch.history < n_items
    rows, columns = np.divmod(np.unique(batch.history_case[known] * n_items + batch.history[known]), max(n_items, 1))
    return sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(batch.n_cases, n_items))
