"""The campaigns in memory, as arrays; read again when a campaign, an item or the index has changed."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from retrieval.campaigns import Campaign
from retrieval.entries import IndexState
from retrieval.filters import Filter
from retrieval.matching import holds
from retrieval.protocol import Vectors
from retrieval.store import Store
from retrieval.types import Attributes, Evidence, Item

Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class Board:
    """Campaigns of one currency that are not paused; arrays of shape (n_campaigns,) in their order."""

    campaigns: tuple[Campaign, ...]
    """By id."""
    bids: npt.NDArray[np.int64]
    starts: npt.NDArray[np.float64]
    ends: npt.NDArray[np.float64]
    conditions: tuple[Filter, ...]
    """All that any targeting asks for, each once."""
    asked: sparse.csr_array
    """Shape (n_campaigns, n_conditions): 1 where the campaign asks for the condition."""
    item_places: Mapping[str, int]
    """Where each item stands in arrays of items."""
    item_of: Places
    """The place of each campaign's item."""
    by_id: Mapping[str, Campaign]

    @classmethod
    def of(cls, campaigns: Sequence[Campaign]) -> Board:
        """Of these."""
        conditions = {one: at for at, one in enumerate(dict.fromkeys(c for one in campaigns for c in one.targeting))}
        items = {item_id: at for at, item_id in enumerate(dict.fromkeys(one.item_id for one in campaigns))}
        pairs = [(row, conditions[each]) for row, one in enumerate(campaigns) for each in set(one.targeting)]
        rows, columns = np.array(pairs, dtype=np.intp).reshape(-1, 2).T
        shape = (len(campaigns), len(conditions))
        return cls(
            campaigns=tuple(campaigns),
            bids=np.array([one.bid for one in campaigns], dtype=np.int64),
            starts=np.array([-np.inf if one.starts_at is None else one.starts_at for one in campaigns]),
            ends=np.array([np.inf if one.ends_at is None else one.ends_at for one in campaigns]),
            conditions=tuple(conditions),
            asked=sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=shape),
            item_places=items,
            item_of=np.array([items[one.item_id] for one in campaigns], dtype=np.intp),
            by_id={one.campaign_id: one for one in campaigns},
        )

    def running(self, attributes: Attributes, now: float) -> Flags:
        """Which run at a time (Unix seconds) for somebody with these attributes."""
        in_time: Flags = (self.starts <= now) & (now < self.ends)
        if not self.conditions:
            return in_time
        missed = np.array([not holds(one, attributes) for one in self.conditions], dtype=np.float64)
        fits: Flags = self.asked @ missed == 0
        return in_time & fits


@dataclass(frozen=True, kw_only=True)
class PaidItems:
    """The items of a board, by its item_places."""

    item_ids: tuple[str, ...]
    vectors: Vectors
    """Shape (n_items, dimension); a row of zeros for an item that is not indexed."""
    indexed: Flags
    places: Places
    """Where they stand in the arrays of a request's evidence; -1 for one that nobody ever took."""


@dataclass(frozen=True, kw_only=True)
class Posted:
    """What can be bid for at one moment."""

    board: Board
    items: PaidItems
    n_other: int
    """Campaigns that are left out for being in another currency."""


class CampaignBoard:
    """The campaigns of a store in one currency. Thread-safe."""

    def __init__(self, store: Store, currency: str) -> None:
        self._store, self._currency = store, currency
        self._lock = threading.Lock()
        self._version: int | None = None
        self._board, self._n_other = Board.of(()), 0
        self._indexed: IndexState | None = None
        self._vectors: dict[str, Vectors] = {}
        self._catalogue: Mapping[str, Item] | None = None
        self._behind = False
        """Whether an item changed that the index did not know of when it was looked at."""
        self._items: PaidItems | None = None
        self._known: Mapping[str, int] = {}

    def now(self, evidence: Evidence) -> Posted:
        """For a request, with every change of a campaign that was answered before this call."""
        catalogue, known = evidence.items, evidence.places
        with self._lock:
            version = self._store.record.ads().campaigns.version()
            posted = version == self._version
            if not posted:
                self._read_campaigns()
                self._version = version
            if not posted or self._behind or catalogue is not self._catalogue:
                self._read_vectors()
                self._catalogue, self._items = catalogue, None
            if self._items is None or known is not self._known:
                self._items, self._known = self._lined_up(known), known
            return Posted(board=self._board, items=self._items, n_other=self._n_other)

    def _read_campaigns(self) -> None:
        running = [one for one in self._store.record.ads().campaigns.all() if not one.paused]
        self._board = Board.of([one for one in running if one.currency == self._currency])
        self._n_other = len(running) - len(self._board.campaigns)

    def _read_vectors(self) -> None:
        """Those of items that are new on the board, or whose entry has changed."""
        changed = self._store.record.last_item_change()
        wanted, old, new = self._board.item_places, self._indexed, self._store.index.state()
        if old is None or new is None or new.generation != old.generation:
            self._vectors = {}
        elif new.version != old.version:
            for item_id in self._store.record.changes(old.version).item_ids():
                self._vectors.pop(item_id, None)
        kept = {item_id: self._vectors[item_id] for item_id in wanted if item_id in self._vectors}
        if missing := [item_id for item_id in wanted if item_id not in kept]:
            kept |= self._store.index.vectors("items", missing)
        self._vectors, self._indexed, self._behind = kept, new, new is None or new.version < changed

    def _lined_up(self, known: Mapping[str, int]) -> PaidItems:
        wanted, kept = self._board.item_places, self._vectors
        blank = np.zeros(len(next(iter(kept.values()), "-")), dtype=np.float32)
        rows = [kept.get(item_id, blank) for item_id in wanted]
        return PaidItems(
            item_ids=tuple(wanted),
            vectors=np.stack(rows) if rows else np.zeros((0, 1), dtype=np.float32),
            indexed=np.array([item_id in kept for item_id in wanted], dtype=np.bool_),
            places=np.array([known.get(item_id, -1) for item_id in wanted], dtype=np.intp),
        )
