"""The record and its index, opened together."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retrieval.catch_up import CatchUp, Follower
from retrieval.chroma import ChromaIndex, Generation
from retrieval.chroma_files import compact
from retrieval.closing import Closing
from retrieval.config import QuotaSettings
from retrieval.entries import COLLECTIONS, IndexState
from retrieval.errors import StoreError
from retrieval.lock import acquire
from retrieval.protocol import Collection, Embedder, Progress
from retrieval.record import Record
from retrieval.record.types import IndexCounts

WRITER_WAIT_S = 60.0
NOBODY = tuple(f"nobody-{n}" for n in range(1_000))
"""Ids that no entry has, as many as the changes after which Chroma writes a graph (its sync_threshold)."""
SAMPLE = 32
_SAME = 0.999


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexStatus:
    """How well the index mirrors the record."""

    record: IndexCounts
    index: IndexCounts
    record_version: int
    index_version: int
    """0 where the index was never built."""
    embedder: str
    """The embedder the settings ask for."""
    index_embedder: str | None
    """The embedder the index was built with; None where it was never built."""
    self_query_hit_rate: float | None
    """Share of sampled items that find themselves when searched for, in [0, 1]; None without items."""
    problem: str | None
    """What is wrong and what to do; None where the index is whole."""

    @property
    def whole(self) -> bool:
        """Whether nothing needs doing."""
        return self.problem is None


class Store(Closing):
    """The record, the index built from it, and the embedder that both sides use. A context manager; thread-safe."""

    def __init__(
        self, record: Record, index: ChromaIndex, embedder: Embedder, *, writer_lock: Path | None = None
    ) -> None:
        self.record = record
        self.index = index
        self.embedder = embedder
        self._writer_lock = writer_lock
        self._writing = threading.Lock()

    def close(self) -> None:
        """Close both. Closing twice is fine."""
        self.index.close()
        self.record.close()

    def catch_up(self, progress: Progress | None = None) -> CatchUp:
        """Bring the index up to date with the record; quick when nothing changed.

        Broken off at any point, it is simply done again. Raises StoreError when the index was built by another
        embedder or from another record, since then only a rebuild helps.
        """
        with self._alone():
            state = self.index.reload()
            if problem := self._mismatch(state):
                raise StoreError(problem)
            current = self.index.current()
            if state is None or current is None:
                current = self.index.build()
                state = self._publish(current, 0)
            done = Follower(self.record, current, self.embedder, progress).follow(state.version)
            if done.version != state.version:
                self._publish(current, done.version)
            return done

    def rebuild(self, progress: Progress | None = None) -> CatchUp:
        """Build the index anew beside the old one, which stays in use until the new one is complete."""
        with self._alone():
            fresh = self.index.build()
            done = Follower(self.record, fresh, self.embedder, progress).follow(0)
            self._publish(fresh, done.version)
            return done

    def scrub(self, user_ids: Sequence[str]) -> bool:
        """Take what was deleted off the disk: afterwards no file of the index names one of these users.

        The index is written anew only where that cannot be shown otherwise. False for an index at a server, whose disk
        is out of reach.
        """
        if not self.index.embedded:
            return False
        with self._alone():
            if (current := self.index.current()) is not None:
                for collection in COLLECTIONS:
                    # Chroma writes a graph's file, which names its entries, after so many changes.
                    current.delete(collection, NOBODY)
                self._settle(current)
            if compact(Path(self.index.place), user_ids):
                self._rewrite()
        return True

    def rewrite(self) -> None:
        """Write an embedded index anew with the vectors that it has, so that nothing deleted stays on the disk."""
        with self._alone():
            self._rewrite()

    def _rewrite(self) -> None:
        old, fresh = self.index.current(), self.index.build()
        done = Follower(self.record, fresh, self.embedder, None, donor=old).follow(0)
        self._publish(fresh, done.version)
        self._settle(fresh)
        compact(Path(self.index.place))

    def _settle(self, generation: Generation) -> None:
        """A search makes Chroma take in all that was written, so nothing is under way when files are touched."""
        known = list(generation.vectors("items", generation.sample("items", 1)).values())
        sought = np.stack(known) if known else self.embedder.embed(["-"])
        for collection in COLLECTIONS:
            generation.nearest(collection, sought, 1)

    def status(self) -> IndexStatus:
        """Compare index and record."""
        state, current = self.index.reload(), self.index.current()
        record, record_version = self.record.indexed().counts(), self.record.version()
        index = _count(current)
        hit_rate = None if current is None else _self_query_hit_rate(current, "items")
        problem = self._mismatch(state)
        indexed_version = 0 if state is None else state.version
        if problem is None and (indexed_version != record_version or index != record):
            problem = "The index is behind the record. It catches up with the next import or start."
        if problem is None and hit_rate is not None and hit_rate < 1.0:
            problem = f"Only {hit_rate:.0%} of sampled items find themselves. Run `fewrec index rebuild`."
        return IndexStatus(
            record=record,
            index=index,
            record_version=record_version,
            index_version=indexed_version,
            embedder=self.embedder.name,
            index_embedder=None if state is None else state.embedder,
            self_query_hit_rate=hit_rate,
            problem=problem,
        )

    def _mismatch(self, state: IndexState | None) -> str | None:
        if state is None:
            return None
        if state.embedder != self.embedder.name:
            return (
                f"The index was built with embedder {state.embedder}, the settings ask for {self.embedder.name}; their "
                "vectors do not mix. Run `fewrec index rebuild`, or set embedder.model back."
            )
        if state.record_id != self.record.record_id() or state.version > self.record.version():
            return (
                f"The index in {self.index.place} was built from another or a newer record than {self.record.place}. "
                "Run `fewrec index rebuild`, or set the record back."
            )
        return None

    def _publish(self, generation: Generation, version: int) -> IndexState:
        state = IndexState(
            generation=generation.number,
            record_id=self.record.record_id(),
            embedder=self.embedder.name,
            version=version,
        )
        self.index.publish(state)
        return state

    @contextlib.contextmanager
    def _alone(self) -> Generator[None]:
        with self._writing:
            if self._writer_lock is None:
                yield
                return
            busy = f"Another process has been writing to the index {self.index.place} for a while. Try again later."
            lock = acquire(self._writer_lock, busy=busy, timeout=WRITER_WAIT_S)
            try:
                yield
            finally:
                lock.release()


def open_store(
    *,
    home: Path,
    record_url: str | None,
    index_url: str | None,
    embedder: Embedder,
    quota: QuotaSettings | None = None,
) -> Store:
    """Open or make the store under `home`, or its parts at their URLs; `quota` is how much its record may take.

    Raises StoreBusyError while another process holds the embedded index, StoreError for anything unusable.
    """
    record = Record.open(record_url or str(home / "record.db"), quota)
    try:
        if index_url is None:
            return Store(record, ChromaIndex.open_embedded(home / "chroma"), embedder)
        # A server takes several writers, but two catch-ups at once could store an older row last.
        return Store(record, ChromaIndex.connect(index_url), embedder, writer_lock=home / "index-writer.lock")
    except BaseException:
        record.close()
        raise


def _count(current: Generation | None) -> IndexCounts:
    if current is None:
        return IndexCounts(items=0, interactions=0, demonstrations=0)
    return IndexCounts(
        items=current.count("items"),
        interactions=current.count("interactions"),
        demonstrations=current.count("demonstrations"),
    )


def _self_query_hit_rate(current: Generation, collection: Collection) -> float | None:
    vectors = current.vectors(collection, current.sample(collection, SAMPLE))
    if not vectors:
        return None
    # Items of equal text share a vector, so finding that vector counts, whichever of them it is.
    found = current.nearest(collection, np.stack(list(vectors.values())), 1)
    return sum(bool(hits) and hits[0].similarity > _SAME for hits in found) / len(vectors)
