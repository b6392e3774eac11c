"""What is written into the retrieval index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from retrieval.protocol import Vectors


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexState:
    """What the current generation was built from."""

    generation: int
    record_id: str
    embedder: str
    version: int
    """Version of the record up to which every change is in the index."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One vector to store. `vector` has shape (dimension,); metadata must not be empty."""

    id: str
    vector: Vectors
    metadata: Mapping[str, str | float | bool]
