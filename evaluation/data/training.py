"""What every arm may know of a corpus: as columns, and as a retrieval store that holds only that."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from evaluation.data.types import Corpus, Mask
from evaluation.types import Training
from retrieval.catch_up import Progress
from retrieval.config import EmbedderSettings
from retrieval.protocol import Embedder, Vectors
from retrieval.store import Store


def training_of(corpus: Corpus, known: Mask, vectors: Vectors) -> Training:
    """The whole catalogue and the known interactions. `vectors` has a row per item, in the order of item_ids."""
    raise NotImplementedError


def open_training_store(
    corpus: Corpus,
    known: Mask,
    *,
    cache: Path,
    embedder_settings: EmbedderSettings,
    progress: Progress | None = None,
    embedder: Embedder | None = None,
) -> AbstractContextManager[Store]:
    """A store of the whole catalogue, the users and the known interactions only, built once and kept in `cache`.

    `embedder` replaces the one that the settings name. Raises StoreBusyError while another process uses this store.
    """
    raise NotImplementedError


def item_vectors(store: Store, item_ids: Sequence[str]) -> Vectors:
    """Unit rows from the index, shape (len(item_ids), dimension). Raises StoreError for items without a vector."""
    raise NotImplementedError
