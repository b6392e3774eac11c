"""Who interacted with what, in memory: popularity and co-occurrence for any moment.

A snapshot of the record's interactions as a sparse matrix. It follows the record by what changed since it was taken,
and is cut to the interactions before the moment asked for.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import numpy.typing as npt
from scipy import sparse

from retrieval.config import SHRINKAGE
from retrieval.latent import LatentFactors, closeness, latent_vectors
from retrieval.record import Record
from retrieval.record.types import InteractionColumns
from retrieval.types import PastItem

SECONDS_A_DAY = 86_400.0
SECONDS_AN_HOUR = 3600.0
HISTORY_LOOKED_AT = 20
RECENCY = 0.9
_ROUNDING = 1e-9
_GROWTH = 1.05
"""Latent factors are made anew when there are so many times the interactions that they were made of."""

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Moment:
    """All behaviour before one moment. Scores are arrays of shape (n_items,) in the order of `item_ids`."""

    item_ids: tuple[str, ...]
    places: dict[str, int]
    """Where each item stands in item_ids."""
    counts: Scores
    """Number of users who interacted with the item."""
    ages_s: npt.NDArray[np.float64]
    """Age of each interaction in seconds, beside `item_index`."""
    item_index: npt.NDArray[np.int32]
    """Place of the item of each interaction; those of one user stand together."""
    liked: npt.NDArray[np.bool_]
    """Whether each interaction was a like, beside `item_index`."""
    starts: npt.NDArray[np.int64]
    """Shape (n_users + 1,): the interactions of user u are item_index[starts[u]:starts[u + 1]]."""
    matrix: sparse.csc_array
    """Shape (n_users, n_items): 1 where the user interacted with the item."""
    user_ids: tuple[str, ...]
    """Users in the order of the matrix."""
    user_places: dict[str, int]
    """Where each user stands in user_ids."""
    factors: Callable[[], LatentFactors | None]
    """Gives the items' latent factors, of this moment or of a little before; None where there is too little for any."""

    @cached_property
    def _latent(self) -> npt.NDArray[np.float64] | None:
        """Unit rows by `item_ids`; zero for items that have come since the factors were made."""
        made = self.factors()
        if made is None or made.item_ids is self.item_ids:
            return None if made is None else made.vectors
        vectors = np.zeros((len(self.item_ids), made.vectors.shape[1]))
        known = [(self.places[item_id], at) for at, item_id in enumerate(made.item_ids) if item_id in self.places]
        vectors[[place for place, _ in known]] = made.vectors[[at for _, at in known]]
        return vectors

    def latent(self, history: Sequence[PastItem], recency: Mapping[str, float] | None = None) -> Scores | None:
        """Cosine with the latest 20 items of `history`, weighted as in `cooccurrence`, by latent factors.

        NaN for items without factors. None where no past item has any. Unlike co-occurrence it says something of items
        that nobody took together. What the user took before the moment is part of the factors.
        """
        vectors = self._latent
        if vectors is None:
            return None
        known = self._weighted(history, recency)
        return closeness(vectors, [place for place, _ in known], [weight for _, weight in known])

    @cached_property
    def interactions_per_item(self) -> float:
        """Mean over the items that anybody took; 0 where nobody took any."""
        return float(self.counts.sum() / max(1, np.count_nonzero(self.counts)))

    @cached_property
    def likes(self) -> sparse.csc_array:
        """Shape (n_users, n_items): 1 where the user liked the item."""
        users = np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))[self.liked]
        return sparse.csc_array((np.ones(len(users)), (users, self.item_index[self.liked])), shape=self.matrix.shape)

    def popularity(self, user_id: str | None, half_life_days: float | None = None) -> Scores:
        """Other users per item; with a half-life each interaction counts half after every such span.

        The user's own interactions are left out. They hold nothing about the user's unseen items, but where only a
        part of the past is told (`Query.history`), they would give the rest away.
        """
        own = self._own(user_id)
        if half_life_days is None:
            scores = self.counts.copy()
            scores[self.item_index[own]] -= 1.0
            return scores
        weights = np.exp2(-self.ages_s / (half_life_days * SECONDS_A_DAY))
        weights[own] = 0.0
        return np.bincount(self.item_index, weights=weights, minlength=len(self.item_ids)).astype(np.float64)

    def cooccurrence(
        self,
        history: Sequence[PastItem],
        user_id: str | None,
        shrinkage: float = SHRINKAGE,
        recency: Mapping[str, float] | None = None,
    ) -> Scores | None:
        """Item-to-item closeness to the latest 20 items of `history`, each weighted 0.9 to the power of its age.

        `recency` is what each of them counts besides, by item id.

        The closeness of i and j is |users of both| / sqrt((|users of i| + shrinkage) (|users of j| + shrinkage)): the
        cosine, less sure of itself where few users speak. The user's own interactions, whether
        in `history` or not, are left out of all three counts: they would tie everything the user ever took to the
        history. None where no past item was taken by anybody who took something else.
        """
        own = None if user_id is None else self.user_places.get(user_id)
        counts = self.popularity(user_id)
        known = self._weighted(history, recency)
        columns = np.array([place for place, _ in known if counts[place] > 0], dtype=np.int64)
        weights = np.array([weight for place, weight in known if counts[place] > 0])
        if not columns.size:
            return None
        # All pairs of an item share its own norm, so summing over users first needs no matrix of pairs.
        closeness = self.matrix[:, columns] @ (weights / np.sqrt(counts[columns] + shrinkage))
        if own is not None:
            closeness[own] = 0.0
        together = self.matrix.T @ closeness
        scores = np.divide(together, np.sqrt(counts + shrinkage), out=np.zeros_like(counts), where=counts > 0)
        # An item's closeness to itself.
        np.subtract.at(scores, columns, weights * counts[columns] / (counts[columns] + shrinkage))
        scores[scores < _ROUNDING] = 0.0
        return scores if scores.any() else None

    def _weighted(self, history: Sequence[PastItem], recency: Mapping[str, float] | None) -> list[tuple[int, float]]:
        """Place and weight of the latest past items that anybody took, the latest first."""
        latest = [past.item.item_id for past in history[-HISTORY_LOOKED_AT:]][::-1]
        return [
            (self.places[item_id], RECENCY**age * (1.0 if recency is None else recency[item_id]))
            for age, item_id in enumerate(latest)
            if item_id in self.places
        ]

    def _own(self, user_id: str | None) -> slice:
        """Where the user's interactions stand in item_index; an empty slice for a stranger."""
        own = None if user_id is None else self.user_places.get(user_id)
        return slice(0, 0) if own is None else slice(int(self.starts[own]), int(self.starts[own + 1]))


def recency_of(history: Sequence[PastItem], half_life_hours: float | None) -> dict[str, float] | None:
    """How much each past item counts: 1 for the latest, half for every half-life before it. None without a half-life.

    What is very long ago keeps the least weight that a number can hold, so that order is never turned round.
    """
    if half_life_hours is None:
        return None
    last = max((past.timestamp for past in history), default=0.0)
    least = sys.float_info.min
    span = half_life_hours * SECONDS_AN_HOUR
    return {past.item.item_id: max(least, 2.0 ** ((past.timestamp - last) / span)) for past in history}


class Behaviour:
    """Gives the Moment for a time; keeps the latest snapshot and the latest Moment. Thread-safe."""

    def __init__(self, record: Record, *, latent: bool = True) -> None:
        self._record = record
        self.latent = latent
        """Whether anybody weighs latent factors: making them takes long where much is known."""
        self._lock = threading.Lock()
        self._columns: InteractionColumns | None = None
        self._moment: Moment | None = None
        self._span: tuple[float, float] = (0.0, 0.0)
        self._made = threading.Lock()
        self._factors: LatentFactors | None = None
        self._departures = 0
        """How often somebody left."""

    def before(self, as_of: float) -> Moment:
        """All behaviour strictly before as_of (Unix seconds), with every write that was answered before this call."""
        with self._lock:
            columns = self._record.interaction_columns(self._columns)
            # The same interactions lie before every moment of this span, so the Moment serves them all.
            same = self._columns is not None and columns.timestamps is self._columns.timestamps
            if self._columns is not None and _somebody_left(self._columns, columns):
                self._factors = None
                self._departures += 1
            if self._moment is None or not same or not self._span[0] < as_of <= self._span[1]:
                self._moment = _cut(columns, as_of, self._moment, partial(self._latent, self._departures))
                past = columns.timestamps < as_of
                self._span = (
                    float(columns.timestamps.max(initial=-np.inf, where=past)),
                    float(columns.timestamps.min(initial=np.inf, where=~past)),
                )
            self._columns = columns
            return self._moment

    def _latent(
        self, departures: int, matrix: sparse.csc_array, item_ids: tuple[str, ...], as_of: float
    ) -> LatentFactors | None:
        """Those at hand, if they are of before this moment and little has come since; else new ones, kept.

        What an earlier moment makes of a user who has left since is kept for nobody else.
        """
        with self._made:
            made, n = self._factors, int(matrix.nnz)
            if made is not None and made.as_of <= as_of and made.n_interactions <= n < _GROWTH * made.n_interactions:
                return made
            vectors = latent_vectors(matrix)
            if vectors is None:
                return None
            new = LatentFactors(item_ids=item_ids, vectors=vectors, as_of=as_of, n_interactions=n)
            with self._lock:
                if departures == self._departures:
                    self._factors = new
            return new


def _somebody_left(before: InteractionColumns, now: InteractionColumns) -> bool:
    """Whether a user is gone, or may have gone and come back: nothing may remain of one who was erased."""
    if before.read_at != now.read_at:
        return True
    return before.user_ids is not now.user_ids and not set(before.user_ids) <= set(now.user_ids)


def _cut(
    columns: InteractionColumns,
    as_of: float,
    last: Moment | None,
    latent: Callable[[sparse.csc_array, tuple[str, ...], float], LatentFactors | None],
) -> Moment:
    """`last` lends what does not differ."""
    past = columns.timestamps < as_of
    # Most often all is past, and nothing need be copied.
    kept = slice(None) if past.all() else np.flatnonzero(past)
    users, items, times = columns.user_index[kept], columns.item_index[kept], columns.timestamps[kept]
    shape = (len(columns.user_ids), len(columns.item_ids))
    ones = np.ones(len(users))  # float64, as what it is multiplied with: no conversion per request
    matrix = sparse.csc_array((ones, (users, items)), shape=shape)
    return Moment(
        item_ids=columns.item_ids,
        places=last.places if last is not None and last.item_ids is columns.item_ids else _places(columns.item_ids),
        counts=np.bincount(items, minlength=shape[1]).astype(np.float64),
        # Ages count from the last interaction, so that an old data set is not decayed to nothing.
        ages_s=times.max() - times if times.size else times,
        item_index=items,
        liked=columns.liked[kept],
        starts=np.concatenate([[0], np.cumsum(np.bincount(users, minlength=shape[0]))]),
        matrix=matrix,
        factors=partial(latent, matrix, columns.item_ids, as_of),
        user_ids=columns.user_ids,
        user_places=(
            last.user_places if last is not None and last.user_ids is columns.user_ids else _places(columns.user_ids)
        ),
    )


def _places(ids: tuple[str, ...]) -> dict[str, int]:
    return {key: place for place, key in enumerate(ids)}
