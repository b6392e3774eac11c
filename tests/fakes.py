"""Fakes that implement FewRec's protocols, for tests that need no model."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np

from retrieval.errors import StoreError
from retrieval.protocol import Vectors

_WORD = re.compile(r"\w+")


class HashingEmbedder:
    """FAKE embedder: a bag of hashed words, no model behind it. Deterministic over processes and machines.

    Texts that share words are near each other; nothing else is known about meaning. A text without words gets
    the first axis, so that every row has unit length.
    """

    def __init__(self, dimension: int = 64, name: str = "fake-hashing") -> None:
        self._dimension = dimension
        self._name = name
        self.texts_seen = 0

    @property
    def name(self) -> str:
        """Name with the dimension, since vectors of different dimensions never mix."""
        return f"{self._name}-{self._dimension}"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit rows, shape (len(texts), dimension)."""
        self.texts_seen += len(texts)
        rows = np.zeros((len(texts), self._dimension), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in _WORD.findall(text.lower()):
                digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
                value = int.from_bytes(digest, "big")
                row[value % self._dimension] += 1.0 if (value >> 32) & 1 else -1.0
            length = float(np.linalg.norm(row))
            if length == 0.0:
                row[0] = length = 1.0
            np.divide(row, length, out=row)
        return rows


class FailingEmbedder(HashingEmbedder):
    """FAKE embedder that fails while it is broken."""

    broken = False

    def embed(self, texts: Sequence[str]) -> Vectors:
        """As it should, or StoreError."""
        if self.broken:
            raise StoreError("the disk is full")
        return super().embed(texts)
