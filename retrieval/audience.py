"""Users for an item: those who liked what is near it by meaning or by its words, and by who takes what together."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from retrieval.behaviour import Moment
from retrieval.catalogue import closest
from retrieval.config import RetrievalSettings
from retrieval.errors import InputError, NotFoundError
from retrieval.fuse import Joined, SourceList, join
from retrieval.protocol import Proposal, VectorIndex, Vectors
from retrieval.record import Record
from retrieval.snapshots import Snapshots
from retrieval.sources.behavioural import best
from retrieval.types import Item, PastItem, PossibleUser, PossibleUsers

Floats = npt.NDArray[np.float64]

_SHARPNESS = {"similarity_max": 4, "bm25": 2}
"""How much more the nearest items speak for a user than many that are less near; see Audience._liking. Chosen on 200
items each of films and of games that nobody was known to have taken."""


class Audience:
    """Finds the users whom an item could be for. Thread-safe.

    A user without a liked item that is near, or without any history, is never among them, nor is one who has taken or
    dismissed the item.
    """

    def __init__(
        self,
        record: Record,
        index: VectorIndex,
        snapshots: Snapshots,
        settings: RetrievalSettings,
    ) -> None:
        self._record = record
        self._index = index
        self._snapshots = snapshots
        self._settings = settings

    def retrieve(self, item_id: str, n: int, as_of: float | None = None) -> PossibleUsers:
        """The n best users for an item (fewer where no more are near), as of a moment (None is now).

        Raises NotFoundError for an unknown item, InputError for one that may not be shown to anybody.
        """
        return self._found(item_id, n, as_of, indexed=True)

    def behavioural(self, item_id: str, n: int, as_of: float | None = None) -> PossibleUsers:
        """The same from the record alone, for when the index fails: by words and who takes what together."""
        return self._found(item_id, n, as_of, indexed=False)

    def _found(self, item_id: str, n: int, as_of: float | None, *, indexed: bool) -> PossibleUsers:
        now = time.time() if as_of is None else as_of
        item, moment = self._item(item_id, now), self._snapshots.behaviour.before(now)
        vector = self._index.vectors("items", [item_id]).get(item_id) if indexed else None
        # Left out before the lists are cut: those who took an item would fill them.
        barred = self._barred(moment, item_id, now)
        proposals = {
            name: best(moment.user_ids, np.where(barred, 0.0, scores), _wide(n))
            for name, scores in (
                ("similarity_max", self._liking(moment, self._near(vector), "similarity_max")),
                ("bm25", self._liking(moment, self._worded(item), "bm25")),
                ("cooccurrence", self._together(moment, item_id)),
            )
        }
        weights = self._settings.sources.where(_takers(moment, item_id))
        lists = [SourceList(source=name, weight=weights[name], proposals=found) for name, found in proposals.items()]
        joined = join([one for one in lists if one.weight > 0], n)
        return PossibleUsers(item=item, as_of=now, users=self._described(joined, now))

    def _item(self, item_id: str, now: float) -> Item:
        items = self._snapshots.catalogue.items()
        item = items.get(item_id)
        if item is None:
            raise NotFoundError(f"no item {item_id!r} in the store{closest(item_id, items)}")
        if item.hidden or (item.expires_at is not None and item.expires_at <= now):
            what = "hidden" if item.hidden else "expired"
            raise InputError(f"item {item_id!r} is {what}, so it is for nobody; change that first")
        return item

    def _barred(self, moment: Moment, item_id: str, now: float) -> npt.NDArray[np.bool_]:
        """Who took the item or dismissed it, shape (n_users,)."""
        barred = np.zeros(len(moment.user_ids), dtype=np.bool_)
        dismissers = self._record.feedback().dismissers(item_id, now)
        barred[[moment.user_places[user_id] for user_id in dismissers if user_id in moment.user_places]] = True
        if (place := moment.places.get(item_id)) is not None:
            barred[moment.matrix.indices[moment.matrix.indptr[place] : moment.matrix.indptr[place + 1]]] = True
        return barred

    def _near(self, vector: Vectors | None) -> list[Proposal]:
        """Items by cosine similarity."""
        if vector is None:
            return []
        # More items than the sources of a list look at: one item may have few who liked it.
        [hits] = self._index.nearest("items", vector[None], self._settings.per_source)
        return [Proposal(hit.id, hit.similarity) for hit in hits]

    def _worded(self, item: Item) -> list[Proposal]:
        """Items by the words that they have in common with the item."""
        match = self._snapshots.words.bm25().match([PastItem(item=item, timestamp=0.0)])
        return [] if match is None else best(match.item_ids, match.scores, self._settings.per_source)

    def _liking(self, moment: Moment, near: Sequence[Proposal], by: str) -> Floats:
        """How near the items that each user likes are: the sum of (score / best score) ** sharpness over these."""
        likes = moment.likes
        total = np.zeros(likes.shape[0])
        liked = [one for one in near if one.score > 0 and one.item_id in moment.places]
        nearest = max((one.score for one in liked), default=1.0)
        for one in liked:
            place = moment.places[one.item_id]
            users = likes.indices[likes.indptr[place] : likes.indptr[place + 1]]
            total[users] += (one.score / nearest) ** _SHARPNESS[by]
        return total

    def _together(self, moment: Moment, item_id: str) -> Floats:
        """How much of what each user took is taken together with the item."""
        shared = _shared(moment, item_id)
        if shared is None:
            return np.zeros(len(moment.user_ids))
        shrinkage = self._settings.cooccurrence_shrinkage
        scores: Floats = moment.matrix @ (shared / np.sqrt(moment.counts + shrinkage))
        return scores / math.sqrt(_takers(moment, item_id) + shrinkage)

    def _described(self, joined: Sequence[Joined], now: float) -> tuple[PossibleUser, ...]:
        histories = self._record.histories([entry.item_id for entry in joined], now)
        # Deleted meanwhile, or all that they did was taken back: nothing is known of them any more.
        known = [entry for entry in joined if histories[entry.item_id]]
        return tuple(
            PossibleUser(
                user_id=entry.item_id,
                history=histories[entry.item_id],
                rank=rank,
                score=entry.score,
                votes=entry.votes,
            )
            for rank, entry in enumerate(known, start=1)
        )


def _shared(moment: Moment, item_id: str) -> Floats | None:
    """How many users took each item beside this one, shape (n_items,); None for an item that nobody took."""
    place = moment.places.get(item_id)
    if place is None or moment.counts[place] == 0:
        return None
    takers = moment.matrix[:, [place]]
    shared: Floats = np.asarray((moment.matrix.T @ takers).todense(), dtype=np.float64).ravel()
    shared[place] = 0.0
    return shared


def _takers(moment: Moment, item_id: str) -> float:
    place = moment.places.get(item_id)
    return 0.0 if place is None else float(moment.counts[place])


def _wide(n: int) -> int:
    """How many users a source proposes: who is low in one list may be high in another."""
    return 4 * n + 100
