"""The retrieval store in Chroma, embedded under a folder or at a `chroma run` server.

The index mirrors the record and can always be built anew. Each of its collections belongs to a generation; one small
state collection says which generation is current, from which record and embedder it was built and up to which
record version. A rebuild fills the next generation and then changes that one row, so readers see the old index or
the new one and never a half.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import chromadb
import httpx
import numpy as np
from chromadb.api.client import Client
from chromadb.api.collection_configuration import CreateCollectionConfiguration, CreateHNSWConfiguration
from chromadb.config import Settings
from chromadb.errors import ChromaError, NotFoundError
from filelock import FileLock

from retrieval.chroma_files import blank_unused
from retrieval.entries import CHUNK, COLLECTIONS, Entry, IndexState, hits_of, problem_with, reason_of, slices
from retrieval.errors import StoreError
from retrieval.lock import acquire
from retrieval.protocol import Collection, Hit, Vectors

T = TypeVar("T")
_SERVER_TIMEOUT_S = 120.0

_STATE = "fewrec-state"
_SEARCHED = CreateHNSWConfiguration(space="cosine", ef_construction=200, max_neighbors=32, ef_search=200)
_BY_ID = CreateHNSWConfiguration(space="cosine", ef_construction=8, max_neighbors=4, ef_search=16)
_GRAPHS: Mapping[Collection, CreateHNSWConfiguration] = {
    "items": _SEARCHED,
    # Read by id only: a minimal graph takes 100,000 entries of 384 dimensions in about half the time.
    "interactions": _BY_ID,
    "demonstrations": _SEARCHED,
}


class Generation:
    """The three collections of one build of the index. Thread-safe."""

    def __init__(self, client: Client, number: int, place: str) -> None:
        self._client = client
        self._place = place
        self.number = number
        self._collections: dict[Collection, chromadb.Collection] = {}

    def upsert(self, collection: Collection, entries: Sequence[Entry]) -> None:
        """Store entries with distinct ids, replacing those of the same id."""
        with _explained(self._place):
            for part in slices(entries):
                self._of(collection).upsert(
                    ids=[entry.id for entry in part],
                    embeddings=np.stack([entry.vector for entry in part]).astype(np.float32, copy=False),
                    metadatas=[dict(entry.metadata) for entry in part],
                )

    def delete(self, collection: Collection, ids: Sequence[str]) -> None:
        """Delete entries; ids that are not stored are passed over."""
        with _explained(self._place):
            for part in slices(ids):
                self._of(collection).delete(ids=list(part))

    def count(self, collection: Collection) -> int:
        """Number of entries."""
        with _explained(self._place):
            return int(self._of(collection).count())

    def ids(self, collection: Collection) -> Iterator[str]:
        """All ids, in no order, read a page at a time; no writing in between."""
        offset = 0
        while True:
            with _explained(self._place):
                page = self._of(collection).get(limit=CHUNK, offset=offset, include=[])["ids"]
            yield from page
            if len(page) < CHUNK:
                return
            offset += len(page)

    def sample(self, collection: Collection, n: int) -> list[str]:
        """At most n ids, spread evenly over the collection; the same ones each time."""
        total = self.count(collection)
        places = sorted({i * total // n for i in range(n)}) if total else []
        with _explained(self._place):
            pages = [self._of(collection).get(limit=1, offset=place, include=[])["ids"] for place in places]
        return [page[0] for page in pages if page]

    def metadata(self, collection: Collection, ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Stored metadata by id; ids that are not stored are absent."""
        found: dict[str, Mapping[str, Any]] = {}
        with _explained(self._place):
            for part in slices(tuple(dict.fromkeys(ids))):
                page = self._of(collection).get(ids=list(part), include=["metadatas"])
                found.update(zip(page["ids"], page["metadatas"] or [], strict=True))
        return found

    def nearest(self, collection: Collection, vectors: Vectors, k: int) -> list[list[Hit]]:
        """As `VectorIndex.nearest`."""
        if k < 1 or not len(vectors):
            return [[] for _ in vectors]
        with _explained(self._place):
            found = self._of(collection).query(
                query_embeddings=np.asarray(vectors, dtype=np.float32), n_results=k, include=["distances"]
            )
        distances = cast("list[list[float]]", found["distances"])
        return [hits_of(ids, far) for ids, far in zip(found["ids"], distances, strict=True)]

    def vectors(self, collection: Collection, ids: Sequence[str]) -> dict[str, Vectors]:
        """As `VectorIndex.vectors`."""
        found: dict[str, Vectors] = {}
        with _explained(self._place):
            for part in slices(tuple(dict.fromkeys(ids))):
                page = self._of(collection).get(ids=list(part), include=["embeddings"])
                found.update(zip(page["ids"], np.asarray(page["embeddings"], dtype=np.float32), strict=True))
        return found

    def _of(self, collection: Collection) -> chromadb.Collection:
        if collection not in self._collections:
            self._collections[collection] = self._client.get_collection(
                _name(collection, self.number), embedding_function=None
            )
        return self._collections[collection]


class ChromaIndex:
    """Vectors of items, interactions and demonstrations. Implements `VectorIndex`; thread-safe.

    Raises StoreError when Chroma cannot be read or written.
    """

    def __init__(self, client: Client, place: str, lock: FileLock | None) -> None:
        self._client = client
        self.place = place
        self._lock = lock
        self._guard = threading.Lock()
        self._current: Generation | None = None
        self._closed = False

    @classmethod
    def open_embedded(cls, folder: Path) -> ChromaIndex:
        """Open or make an index that lives in `folder`.

        Raises StoreBusyError while another process has it open: Chroma would lose entries without an error.
        """
        busy = (
            f"The index in {folder} is in use by another process. End that process, or share the index: "
            f"`chroma run --path {folder}` and set index.url to its address."
        )
        lock = acquire(folder / "fewrec.lock", busy=busy)
        settings = _OwnSettings(anonymized_telemetry=False, allow_reset=False)
        try:
            blank_unused(folder)
            return cls(cast("Client", chromadb.PersistentClient(folder, settings=settings)), str(folder), lock)
        except Exception as error:  # a damaged file shows as any kind of error
            lock.release()
            raise StoreError(
                f"Index {folder} cannot be opened ({reason_of(error)}). Move that folder away and run `fewrec index "
                "rebuild`: the record, which holds everything, is not touched."
            ) from error

    @classmethod
    def connect(cls, url: str) -> ChromaIndex:
        """Use the `chroma run` server at http(s)://host:port."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise StoreError(f"index.url {url!r} is no server address. Example: http://127.0.0.1:8000")
        ssl = parts.scheme == "https"
        port = parts.port or (443 if ssl else 80)
        with _explained(url):
            settings = _OwnSettings(anonymized_telemetry=False, allow_reset=False)
            client = chromadb.HttpClient(parts.hostname, port, ssl=ssl, settings=settings)
        connected = cls(cast("Client", client), url, None)
        for session in connected._sessions():
            session.timeout = httpx.Timeout(_SERVER_TIMEOUT_S)  # by default a server that hangs is waited for for ever
        return connected

    def close(self) -> None:
        """Let go of Chroma and of the folder. Closing twice is fine."""
        if not self._closed:
            self._closed = True
            sessions = self._sessions()
            self._client.close()
            for session in sessions:
                session.close()
        if self._lock is not None:
            self._lock.release()

    @property
    def embedded(self) -> bool:
        """Whether it lives in a folder of ours."""
        return self._lock is not None

    def nearest(self, collection: Collection, vectors: Vectors, k: int) -> list[list[Hit]]:
        """As the protocol says; nothing where the index was never built."""
        return self._read(lambda current: current.nearest(collection, vectors, k), [[] for _ in vectors])

    def vectors(self, collection: Collection, ids: Sequence[str]) -> dict[str, Vectors]:
        """As the protocol says; nothing where the index was never built."""
        return self._read(lambda current: current.vectors(collection, ids), {})

    def state(self) -> IndexState | None:
        """What is current, as stored; None where the index was never built."""
        with _explained(self.place):
            try:
                stored = self._client.get_collection(_STATE, embedding_function=None).metadata
            except NotFoundError:
                return None
        # Between making the collection and filling it there is nothing to read yet.
        return None if not stored else IndexState(**stored)

    def current(self) -> Generation | None:
        """The generation that is read now; None where the index was never built."""
        if self._current is None:
            self.reload()
        return self._current

    def reload(self) -> IndexState | None:
        """As `state`, and what it tells of is read from now on: another process may have built it."""
        with self._guard:
            state = self.state()
            if state is None or self._current is None or self._current.number != state.generation:
                self._current = None if state is None else Generation(self._client, state.generation, self.place)
            return state

    def build(self) -> Generation:
        """A new, empty generation that nobody reads before `publish`. Left-overs of a broken build are removed."""
        state = self.state()
        number = 1 if state is None else state.generation + 1
        with _explained(self.place):
            self._drop_all_but(0 if state is None else state.generation)
            for collection in COLLECTIONS:
                graph = CreateCollectionConfiguration(hnsw=_GRAPHS[collection])
                self._client.create_collection(_name(collection, number), embedding_function=None, configuration=graph)
        return Generation(self._client, number, self.place)

    def publish(self, state: IndexState) -> None:
        """Store the state, in one step; a new generation becomes current and the old one is removed."""
        before = self._current
        with _explained(self.place):
            self._client.get_or_create_collection(_STATE, embedding_function=None).modify(metadata=asdict(state))
            self.reload()
            if self._current is not before:
                self._drop_all_but(state.generation)

    def _sessions(self) -> list[httpx.Client]:
        # Chroma's client neither closes its connections nor offers a timeout, so both are done on its sessions.
        owners = (self._client, getattr(self._client, "_admin_client", None))
        found = (getattr(getattr(owner, "_server", None), "_session", None) for owner in owners)
        return [session for session in found if isinstance(session, httpx.Client)]

    def _read(self, read: Callable[[Generation], T], nothing: T) -> T:
        try:
            current = self.current()
            return nothing if current is None else read(current)
        except _GoneError:
            # Another process rebuilt the index on the server and removed the generation we knew.
            self.reload()
            current = self.current()
            return nothing if current is None else read(current)

    def _drop_all_but(self, generation: int) -> None:
        keep = {_STATE, *(_name(collection, generation) for collection in COLLECTIONS)}
        for found in self._client.list_collections():
            if found.name.startswith("fewrec-") and found.name not in keep:
                self._client.delete_collection(found.name)


class _GoneError(StoreError):
    """A collection is not there any more."""


class _OwnSettings(Settings):
    """Chroma's settings without its environment variables and .env file, whose names carry no prefix."""

    @classmethod
    def settings_customise_sources(cls, settings_cls: Any, init_settings: Any, *_: Any, **__: Any) -> tuple[Any, ...]:  # noqa: ARG003
        return (init_settings,)


def _name(collection: Collection, generation: int) -> str:
    return f"fewrec-{collection}-{generation}"


@contextlib.contextmanager
def _explained(place: str) -> Generator[None]:
    try:
        yield
    except NotFoundError as error:
        raise _GoneError(f"Index {place}: {error}. Build it anew: `fewrec index rebuild`.") from error
    except (ChromaError, httpx.HTTPError, OSError, ValueError) as error:
        raise StoreError(problem_with(place, error)) from error
