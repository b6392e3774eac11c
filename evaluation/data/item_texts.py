"""The items' texts embedded once for all stores of a data set, whatever is known in each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from evaluation.data.keeping import keep
from retrieval.catch_up import item_text
from retrieval.errors import StoreError
from retrieval.protocol import Embedder, Progress, Vectors
from retrieval.record.writing import chunks
from retrieval.types import Item

_AT_ONCE = 512
_FILE = "vectors.npy"


class Remembered:
    """An embedder that knows some texts' vectors already. Implements `retrieval.protocol.Embedder`."""

    def __init__(self, embedder: Embedder, rows: Mapping[str, int], vectors: Vectors) -> None:
        self._embedder = embedder
        self._rows = rows
        self._vectors = vectors

    @property
    def name(self) -> str:
        """The embedder's own: its vectors are the same."""
        return self._embedder.name

    def embed(self, texts: Sequence[str]) -> Vectors:
        """As the protocol says."""
        fresh = list(dict.fromkeys(text for text in texts if text not in self._rows))
        if not fresh and texts:
            return self._vectors[[self._rows[text] for text in texts]]
        made = self._embedder.embed(fresh)
        places = {text: place for place, text in enumerate(fresh)}
        rows = [made[places[text]] if text in places else self._vectors[self._rows[text]] for text in texts]
        return np.stack(rows) if rows else made


def embedded_once(items: Iterable[Item], embedder: Embedder, folder: Path, progress: Progress | None) -> Remembered:
    """The embedder with the vectors of all items' texts, which are kept under `folder`."""
    texts = sorted({item_text(item) for item in items})
    digest = hashlib.sha256(embedder.name.encode())
    for text in texts:
        digest.update(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())

    def build(part: Path) -> None:
        blocks: list[Vectors] = []
        done = 0
        for block in chunks(texts, _AT_ONCE):
            blocks.append(embedder.embed(block))
            done += len(block)
            if progress is not None:
                progress("item texts", done, len(texts))
        np.save(part / _FILE, np.concatenate(blocks) if blocks else embedder.embed(()))

    path = keep(folder / digest.hexdigest()[:32], build) / _FILE
    try:
        vectors = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise StoreError(f"{path} is damaged ({error}). Remove its folder and try again.") from error
    return Remembered(embedder, {text: place for place, text in enumerate(texts)}, vectors)
