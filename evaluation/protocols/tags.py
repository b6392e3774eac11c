"""Slices: what kind of case this is, judged by the training data.

Of the target (for a labelled case its item):

- target-head, target-torso, target-tail: items sorted by known interactions, most first, ties by id. The head are the
  items that hold the first 20% of all interactions, the tail those that hold the last 20%, the torso the rest
  (Abdollahpouri et al., "The Connection Between Popularity Bias, Calibration, and Fairness in Recommendation", 2020).
- target-new without any known interaction, target-rare with 1 to 9.
- target-alone: no other user is known to have taken it together with any item of the history, so co-occurrence is
  blind. Given to cases with a history only.

Of the history: history-short below 5 entries, else history-long; history-none beside history-short if it is empty.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from evaluation.data.types import HeldOut
from evaluation.types import Training

HEAD_SHARE = 0.2
TAIL_SHARE = 0.2
RARE_BELOW = 10
SHORT_BELOW = 5


class Tagger:
    """Tags cases by what is known. What it computes of the training data it computes once."""

    def __init__(self, training: Training) -> None:
        self._items = {item_id: place for place, item_id in enumerate(training.item_ids)}
        self._users = {user_id: place for place, user_id in enumerate(training.user_ids)}
        n_items = len(training.item_ids)
        self._counts = np.bincount(training.item_index, minlength=n_items)
        self._places = _popularity_classes(self._counts)
        # Users by item: those of item i stand between bounds i and i + 1.
        self._takers = training.user_index[np.argsort(training.item_index, kind="stable")]
        self._bounds: list[int] = np.concatenate(([0], np.cumsum(self._counts))).tolist()
        self._marked = np.zeros(len(training.user_ids), dtype=np.bool_)

    def tag(self, held_out: Sequence[HeldOut]) -> list[tuple[str, ...]]:
        """Sorted tags per entry, in order."""
        return [tuple(sorted(self._of_history(held) + self._of_target(held))) for held in held_out]

    def _of_history(self, held: HeldOut) -> list[str]:
        tags = ["history-short" if len(held.history) < SHORT_BELOW else "history-long"]
        return tags if held.history else [*tags, "history-none"]

    def _of_target(self, held: HeldOut) -> list[str]:
        target = held.target
        if target is None:
            if held.label is None or not held.candidates:
                return []
            target = held.candidates[0]
        place = self._items.get(target)
        count = 0 if place is None else int(self._counts[place])
        tags = ["target-tail" if place is None else self._places[place]]
        if count < RARE_BELOW:
            tags.append("target-rare" if count else "target-new")
        if held.history and (place is None or self._alone(place, held)):
            tags.append("target-alone")
        return tags

    def _alone(self, target: int, held: HeldOut) -> bool:
        takers = self._takers_of(target)
        self._marked[takers] = True
        own = None if held.user_id is None else self._users.get(held.user_id)
        if own is not None:
            self._marked[own] = False
        together = False
        # The latest entries first: mostly one of them is shared, and the rest need no look.
        for past in reversed(held.history):
            place = self._items.get(past.item.item_id)
            if place is None or place == target:
                continue
            if np.count_nonzero(self._marked[self._takers_of(place)]):
                together = True
                break
        self._marked[takers] = False
        return not together

    def _takers_of(self, item: int) -> npt.NDArray[np.int32]:
        return self._takers[self._bounds[item] : self._bounds[item + 1]]


def _popularity_classes(counts: npt.NDArray[np.int64]) -> list[str]:
    """The class of every item, in order. Ids are sorted, so a stable sort breaks ties by id."""
    order = np.argsort(-counts, kind="stable")
    held_before = np.concatenate(([0], np.cumsum(counts[order])[:-1])) if len(counts) else np.zeros(0)
    total = max(int(counts.sum()), 1)
    classes = np.full(len(counts), "target-torso", dtype=object)
    classes[order[held_before < HEAD_SHARE * total]] = "target-head"
    classes[order[(held_before >= (1 - TAIL_SHARE) * total) | (counts[order] == 0)]] = "target-tail"
    return [str(name) for name in classes]
