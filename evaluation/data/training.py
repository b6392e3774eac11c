"""What every arm may know of a corpus: as columns, and as a retrieval store that holds only that."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np

from evaluation.data.item_texts import embedded_once
from evaluation.data.keeping import keep
from evaluation.data.training_store import open_indexed
from evaluation.data.types import Corpus, Mask
from evaluation.types import Training
from retrieval.config import EmbedderSettings
from retrieval.embedder import SentenceEmbedder
from retrieval.errors import StoreBusyError, StoreError
from retrieval.protocol import Embedder, Progress, Vectors
from retrieval.record import Record
from retrieval.record.writing import chunks
from retrieval.store import Store
from retrieval.types import Interaction

_FORM = "2"
"""Raised when the same data make another store, so that what older versions kept is not used."""
_WRITTEN_AT_ONCE = 20_000
_READ_AT_ONCE = 2_000


def training_of(corpus: Corpus, known: Mask, vectors: Vectors) -> Training:
    """The whole catalogue and the known interactions. `vectors` has a row per item, in the order of item_ids."""
    present, user_index = np.unique(corpus.user_index[known], return_inverse=True)
    return Training(
        items=corpus.items,
        item_ids=corpus.item_ids,
        user_ids=tuple(corpus.user_ids[place] for place in present.tolist()),
        user_index=user_index.astype(np.int32),
        item_index=corpus.item_index[known],
        timestamps=corpus.timestamps[known],
        liked=corpus.liked[known],
        ratings=corpus.ratings[known],
        vectors=vectors,
    )


@contextlib.contextmanager
def open_training_store(
    corpus: Corpus,
    known: Mask,
    *,
    cache: Path,
    embedder_settings: EmbedderSettings,
    progress: Progress | None = None,
    embedder: Embedder | None = None,
    demonstrations: bool = True,
) -> Generator[Store]:
    """A store of the whole catalogue, the users and the known interactions only, built once and kept in `cache`.

    `embedder` replaces the one that the settings name. Without `demonstrations` none can be found and the store is
    built sooner. Interactions are in its record; its index answers for them from the items. Item texts are embedded
    once, however many stores hold them. Raises StoreBusyError while this store is open elsewhere, also in this
    process: two stores of one data set can be open together only if different interactions are known.
    """
    model = embedder or SentenceEmbedder(embedder_settings.model, embedder_settings.batch_size)
    embedding = embedded_once(corpus.items.values(), model, cache / "evaluation" / "vectors", progress)
    folder = cache / "evaluation" / "stores" / _digest(corpus, known, model.name, demonstrations)

    def build(part: Path) -> None:
        _write_record(corpus, known, part / "record.db", progress)
        with open_indexed(part, embedding, demonstrations=demonstrations) as store:
            store.catch_up(progress)

    keep(folder, build)
    try:
        opened = open_indexed(folder, embedding, demonstrations=demonstrations)
    except StoreBusyError as error:
        raise StoreBusyError(
            f"another evaluation or tuning of data set {corpus.name} has its training store {folder} open; wait for "
            "it, or give this one a cache of its own (FEWREC_CACHE)"
        ) from error
    with opened as store:
        store.catch_up(progress)  # nothing to do, unless the index was mended or damaged by hand
        yield store


def item_vectors(store: Store, item_ids: Sequence[str]) -> Vectors:
    """Unit rows from the index, shape (len(item_ids), dimension). Raises StoreError for items without a vector."""
    rows: list[Vectors] = []
    for part in chunks(item_ids, _READ_AT_ONCE):
        found = store.index.vectors("items", part)
        missing = [item_id for item_id in part if item_id not in found]
        if missing:
            raise StoreError(
                f"Index {store.index.place} has no vector for item {missing[0]!r} and {len(missing) - 1} more. Remove "
                "the folder of that store and run again: it is built anew."
            )
        rows.append(np.stack([found[item_id] for item_id in part]))
    if not rows:
        return store.embedder.embed(())
    vectors = np.concatenate(rows)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    np.divide(vectors, lengths, out=vectors, where=lengths > 0)
    return vectors


def _digest(corpus: Corpus, known: Mask, embedder: str, demonstrations: bool) -> str:
    digest = hashlib.sha256(f"{_FORM}|{corpus.digest}|{embedder}|{demonstrations}|{len(known)}|".encode())
    digest.update(np.packbits(known).tobytes())
    return digest.hexdigest()[:32]


def _write_record(corpus: Corpus, known: Mask, path: Path, progress: Progress | None) -> None:
    record = Record.open(str(path))
    try:
        for items in chunks(tuple(corpus.items.values()), _WRITTEN_AT_ONCE):
            record.put_items(items)
        for users in chunks(tuple(corpus.users.values()), _WRITTEN_AT_ONCE):
            record.put_users(users)
        places = np.flatnonzero(known).tolist()
        done = 0
        for part in chunks(places, _WRITTEN_AT_ONCE):
            record.put_interactions([_interaction(corpus, place) for place in part])
            done += len(part)
            if progress is not None:
                progress("training interactions", done, len(places))
    finally:
        record.close()


def _interaction(corpus: Corpus, place: int) -> Interaction:
    rating = float(corpus.ratings[place])
    return Interaction(
        user_id=corpus.user_ids[corpus.user_index[place]],
        item_id=corpus.item_ids[corpus.item_index[place]],
        timestamp=float(corpus.timestamps[place]),
        liked=bool(corpus.liked[place]),
        rating=None if np.isnan(rating) else rating,
    )
