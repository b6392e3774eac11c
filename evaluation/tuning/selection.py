"""Chooses the moments that become examples, before a model reads any, or the examples that it is least sure of.

Of moments a smaller choice is the beginning of a larger one of the same kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from evaluation.tuning.config import SelectionName
from evaluation.types import Training
from ranking.draws import Draw
from ranking.tuning.types import TuningExample

Rows = npt.NDArray[np.intp]
"""Positions in the columns of the training data."""
LOOKED_AT = 4
"""So many examples the model reads for each that it is least sure of."""
_COMPARED = 4096
"""The diverse selection looks at so many moments at most, drawn at random, to keep to seconds."""


class Selection(Protocol):
    """Puts moments in the order in which they are chosen."""

    def __call__(self, training: Training, pool: Rows, n: int, seed: int) -> Rows:
        """At most n rows of the pool, first choice first. The order of the pool does not matter."""


def random_moments(training: Training, pool: Rows, n: int, seed: int) -> Rows:
    """Users in random order with one moment each, then with a second one each, and so on."""
    words = _words(training, pool, seed)
    users = training.user_index[pool]
    order = np.lexsort((words, users))
    starts = np.searchsorted(users[order], users[order])
    rounds = np.empty(len(pool), dtype=np.int64)
    rounds[order] = np.arange(len(pool)) - starts
    return pool[np.lexsort((words, rounds))][:n]


def recent_moments(training: Training, pool: Rows, n: int, seed: int) -> Rows:
    """The latest first; what happened at the same time in random order."""
    return pool[np.lexsort((_words(training, pool, seed), -training.timestamps[pool]))][:n]


def balanced_moments(training: Training, pool: Rows, n: int, seed: int) -> Rows:
    """Moments of items that 1, 2-3, 4-7, ... interactions are known of, in turn, at random within each class."""
    ordered = random_moments(training, pool, len(pool), seed)
    counts = np.bincount(training.item_index, minlength=len(training.item_ids))
    classes = np.floor(np.log2(counts[training.item_index[ordered]])).astype(np.int64)
    order = np.lexsort((np.arange(len(ordered)), classes))
    starts = np.searchsorted(classes[order], classes[order])
    turns = np.empty(len(ordered), dtype=np.int64)
    turns[order] = np.arange(len(ordered)) - starts
    return ordered[np.lexsort((classes, turns))][:n]


def diverse_moments(training: Training, pool: Rows, n: int, seed: int) -> Rows:
    """Each the farthest from all before it, by the item's vector beside the mean vector of the history."""
    compared = random_moments(training, pool, _COMPARED, seed)
    if not len(compared):
        return compared
    points = np.stack([_point(training, row) for row in compared.tolist()])
    chosen = [0]
    nearest = np.full(len(points), np.inf)
    while len(chosen) < min(n, len(points)):
        nearest = np.minimum(nearest, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
        nearest[chosen[-1]] = -1.0
        chosen.append(int(np.argmax(nearest)))
    return compared[chosen]


SELECTIONS: Mapping[SelectionName, Selection] = {
    "random": random_moments,
    "recent": recent_moments,
    "diverse": diverse_moments,
    "popularity-balanced": balanced_moments,
    "uncertainty": random_moments,
}
"""By uncertainty, the model reads more than are wanted: see least_sure."""


def least_sure(
    examples: Sequence[TuningExample], scores: Sequence[Sequence[float]], n: int
) -> tuple[TuningExample, ...]:
    """The n examples at which the two best scores, with the offsets where there are any, lie closest; closest first.

    This is margin sampling (Scheffer, Decomain and Wrobel 2001). Equals stay in their order.
    """

    def margin(place: int) -> float:
        example, found = examples[place], scores[place]
        whole = [score + offset for score, offset in zip(found, example.offsets or [0.0] * len(found), strict=True)]
        second, best = sorted(whole)[-2:]
        return best - second

    return tuple(examples[place] for place in sorted(range(len(examples)), key=margin)[:n])


def _point(training: Training, row: int) -> npt.NDArray[np.float64]:
    start = int(np.searchsorted(training.user_index, training.user_index[row]))
    item = training.vectors[training.item_index[row]]
    past = training.vectors[training.item_index[start:row]].mean(axis=0) if row > start else np.zeros_like(item)
    return np.concatenate([item, past]).astype(np.float64)


def _words(training: Training, pool: Rows, seed: int) -> npt.NDArray[np.uint64]:
    pairs = zip(training.user_index[pool].tolist(), training.item_index[pool].tolist(), strict=True)
    keys = (f"{training.user_ids[user]}\n{training.item_ids[item]}" for user, item in pairs)
    words = [Draw(seed=seed, purpose="tuning examples", key=key).words(1)[0] for key in keys]
    return np.array(words, dtype=np.uint64)
