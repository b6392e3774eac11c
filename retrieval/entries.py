"""What is written into the retrieval index and read from it, in which portions, and what is said when that fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from retrieval.errors import one_line
from retrieval.protocol import Collection, Hit, Vectors

T = TypeVar("T")

COLLECTIONS: tuple[Collection, ...] = ("items", "interactions", "demonstrations")
CHUNK = 2_000
"""Entries per call: under Chroma's own limit and under the server's 40 MiB per request at 1,536 dimensions."""


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


def slices(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """Portions of at most CHUNK rows."""
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]


def hits_of(ids: Sequence[str], distances: Sequence[float]) -> list[Hit]:
    """Cosine distances as hits, best first, ties by id."""
    # Plain pairs sort several times as fast as objects by a key; there are thousands a request.
    ordered = sorted(zip(np.clip(np.asarray(distances) - 1.0, -1.0, 1.0).tolist(), ids, strict=True))
    return [Hit(entry_id, -opposite) for opposite, entry_id in ordered]


def problem_with(place: str, error: Exception) -> str:
    """One line for a failure of the index at a folder or URL, with what to do."""
    problem = reason_of(error)
    if place.startswith("http"):
        advice = "Check that `chroma run` is up at index.url."
    elif any(word in problem.lower() for word in ("readonly", "read-only", "permission")):
        advice = "Make the folder writable, or set FEWREC_HOME to another folder."
    else:
        advice = "If it stays, build it anew: `fewrec index rebuild`."
    return f"Index {place}: {problem}. {advice}"


def reason_of(error: Exception) -> str:
    """The error's text on one line without closing full stop, or its type where it has none."""
    return one_line(error).rstrip(".") or type(error).__name__
