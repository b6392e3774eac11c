"""Users for an item: those who liked what is near it, by its words and by who takes what together."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from retrieval.behaviour import HISTORY_LOOKED_AT, RECENCY, Behaviour, Moment
from retrieval.catalogue import Catalogue, closest
from retrieval.config import RetrievalSettings
from retrieval.errors import InputError, NotFoundError
from retrieval.fuse import Joined, SourceList, join
from retrieval.geometry import mean_direction
from retrieval.protocol import Proposal, VectorIndex, Vectors
from retrieval.record import Record
from retrieval.sources.similarity import liked_recent
from retrieval.types import Item, PastItem, PossibleUser, PossibleUsers, Signals

Floats = npt.NDArray[np.float64]


class Audience:
    """Finds the users whom an item could be for. Thread-safe.

    A user without a liked item that is near, or without any history, is never among them, nor is one who has taken or
    dismissed the item.
    """

    def __init__(
        self,
        record: Record,
        index: VectorIndex,
        catalogue: Catalogue,
        behaviour: Behaviour,
        settings: RetrievalSettings,
    ) -> None:
        self._record = record
        self._index = index
        self._catalogue = catalogue
        self._behaviour = behaviour
        self._settings = settings

    def retrieve(self, item_id: str, n: int, as_of: float | None = None) -> PossibleUsers:
        """The n best users for an item (fewer where no more are near), as of a moment (None is now).

        Raises NotFoundError for an unknown item, InputError for one that may not be shown to anybody.
        """
        return self._found(item_id, n, as_of, indexed=True)

    def behavioural(self, item_id: str, n: int, as_of: float | None = None) -> PossibleUsers:
        """The same from the record alone, for when the index fails: by who takes what together."""
        return self._found(item_id, n, as_of, indexed=False)

    def _found(self, item_id: str, n: int, as_of: float | None, *, indexed: bool) -> PossibleUsers:
        now = time.time() if as_of is None else as_of
        item, moment = self._item(item_id, now), self._behaviour.before(now)
        vector = self._index.vectors("items", [item_id]).get(item_id) if indexed else None
        shared = _shared(moment, item_id)
        weights = self._settings.sources
        lists = [
            SourceList(source="similarity_max", weight=weights.similarity_max, proposals=self._near(moment, vector, n)),
            SourceList(
                source="cooccurrence", weight=weights.cooccurrence, proposals=self._together(moment, shared, item_id, n)
            ),
        ]
        barred = self._barred(moment, item_id, now)
        joined = join([one for one in lists if one.weight > 0], n, lambda user_id: user_id not in barred)
        return PossibleUsers(item=item, as_of=now, users=self._described(joined, item_id, vector, shared, moment, now))

    def _item(self, item_id: str, now: float) -> Item:
        items = self._catalogue.items()
        item = items.get(item_id)
        if item is None:
            raise NotFoundError(f"no item {item_id!r} in the store{closest(item_id, items)}")
        if item.hidden or (item.expires_at is not None and item.expires_at <= now):
            what = "hidden" if item.hidden else "expired"
            raise InputError(f"item {item_id!r} is {what}, so it is for nobody; change that first")
        return item

    def _barred(self, moment: Moment, item_id: str, now: float) -> frozenset[str]:
        dismissed = self._record.feedback().dismissers(item_id, now)
        place = moment.places.get(item_id)
        if place is None:
            return dismissed
        takers = moment.matrix.indices[moment.matrix.indptr[place] : moment.matrix.indptr[place + 1]]
        return dismissed | {moment.user_ids[user] for user in takers}

    def _near(self, moment: Moment, vector: Vectors | None, n: int) -> list[Proposal]:
        """Users by their liked item that is nearest to the item, then by how near all of these are together."""
        if vector is None:
            return []
        # More items than the sources of a list look at: one item may have few who liked it.
        [hits] = self._index.nearest("items", vector[None], self._settings.per_source)
        near = [(moment.places[hit.id], hit.similarity) for hit in hits if hit.id in moment.places]
        likes = moment.likes
        best = np.full(likes.shape[0], -np.inf)
        total = np.zeros(likes.shape[0])
        for place, similarity in near:
            users = likes.indices[likes.indptr[place] : likes.indptr[place + 1]]
            best[users] = np.maximum(best[users], similarity)
            total[users] += max(similarity, 0.0)
        reached = np.flatnonzero(np.isfinite(best))
        # Users stand in the order of their ids, and the sort is stable: ties go to the smaller id.
        order = reached[np.lexsort((-total[reached], -best[reached]))][: _wide(n)]
        return [Proposal(moment.user_ids[user], float(best[user])) for user in order]

    def _together(self, moment: Moment, shared: Floats | None, item_id: str, n: int) -> list[Proposal]:
        """Users by how much of what they took is taken together with the item."""
        if shared is None:
            return []
        shrinkage = self._settings.cooccurrence_shrinkage
        scores = moment.matrix @ (shared / np.sqrt(moment.counts + shrinkage))
        order = np.argsort(-scores, kind="stable")[: _wide(n)]
        own = moment.places[item_id]
        scale = math.sqrt(moment.counts[own] + shrinkage)
        return [Proposal(moment.user_ids[user], float(scores[user] / scale)) for user in order if scores[user] > 0]

    def _described(
        self,
        joined: Sequence[Joined],
        item_id: str,
        vector: Vectors | None,
        shared: Floats | None,
        moment: Moment,
        now: float,
    ) -> tuple[PossibleUser, ...]:
        histories = self._record.histories([entry.item_id for entry in joined], now)
        recent = {user: liked_recent(past, self._settings.liked_recent) for user, past in histories.items()}
        wanted = sorted({past.item.item_id for each in recent.values() for past in each})
        vectors = self._index.vectors("items", wanted) if vector is not None and wanted else {}
        place = moment.places.get(item_id)
        log_popularity = 0.0 if place is None else math.log1p(float(moment.counts[place]))
        # Deleted meanwhile, or all that they did was taken back: nothing is known of them any more.
        known = [entry for entry in joined if histories[entry.item_id]]
        return tuple(
            PossibleUser(
                user_id=entry.item_id,
                history=histories[entry.item_id],
                rank=rank,
                score=entry.score,
                votes=entry.votes,
                signals=_signals(
                    vector,
                    [vectors[past.item.item_id] for past in recent[entry.item_id] if past.item.item_id in vectors],
                    self._closeness(histories[entry.item_id], shared, moment, place),
                    log_popularity,
                ),
            )
            for rank, entry in enumerate(known, start=1)
        )

    def _closeness(
        self, history: Sequence[PastItem], shared: Floats | None, moment: Moment, place: int | None
    ) -> float | None:
        """Moment.cooccurrence of the item with this history, the user's own interactions left out."""
        if shared is None or place is None:
            return None
        shrinkage = self._settings.cooccurrence_shrinkage
        total = 0.0
        for age, past in enumerate(history[-HISTORY_LOOKED_AT:][::-1]):
            other = moment.places.get(past.item.item_id)
            if other is not None and moment.counts[other] > 1:
                total += RECENCY**age * shared[other] / math.sqrt(moment.counts[other] - 1 + shrinkage)
        return total / math.sqrt(moment.counts[place] + shrinkage)


def _shared(moment: Moment, item_id: str) -> Floats | None:
    """How many users took each item beside this one, shape (n_items,); None for an item that nobody took."""
    place = moment.places.get(item_id)
    if place is None or moment.counts[place] == 0:
        return None
    takers = moment.matrix[:, [place]]
    shared: Floats = np.asarray((moment.matrix.T @ takers).todense(), dtype=np.float64).ravel()
    shared[place] = 0.0
    return shared


def _wide(n: int) -> int:
    """How many users a source proposes: some have the item already."""
    return 4 * n + 100


def _signals(
    vector: Vectors | None, past: Sequence[Vectors], cooccurrence: float | None, log_popularity: float
) -> Signals:
    mean = mean_direction(past)
    return Signals(
        similarity_max=float(np.max(np.stack(past) @ vector)) if vector is not None and past else None,
        similarity_mean=float(vector @ mean) if vector is not None and mean is not None else None,
        cooccurrence=cooccurrence,
        log_popularity=log_popularity,
    )
