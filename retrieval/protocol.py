"""What the rest of FewRec may assume about retrieval's replaceable parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from retrieval.types import PastItem, Query, User

Vectors: TypeAlias = npt.NDArray[np.float32]
Collection: TypeAlias = Literal["items", "interactions", "demonstrations"]


class Embedder(Protocol):
    """Turns texts into unit vectors."""

    @property
    def name(self) -> str:
        """Model and revision, stored beside the index: vectors of different names never mix."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit-length rows, shape (len(texts), dimension), in the order of texts; shape (0, dimension) for none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """One neighbour found in the index."""

    id: str
    similarity: float
    """Cosine in [-1, 1], higher is nearer."""


class VectorIndex(Protocol):
    """The read side of the retrieval store (Chroma)."""

    def nearest(self, collection: Collection, vector: Vectors, k: int) -> list[Hit]:
        """At most k nearest entries of a collection, best first, ties by id. `vector` has shape (dimension,)."""

    def vectors(self, collection: Collection, ids: Sequence[str]) -> dict[str, Vectors]:
        """Stored vectors, shape (dimension,), by id; ids that are not stored are absent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RetrievalRequest:
    """A query with what is known of its user, as the candidate sources see it."""

    query: Query
    as_of: float
    user: User | None
    history: tuple[PastItem, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """One item of a source's list. The score's scale is the source's own, higher is better."""

    item_id: str
    score: float


class CandidateSource(Protocol):
    """Proposes items for a request. It may propose seen or filtered-out items: the caller leaves those out."""

    @property
    def name(self) -> str:
        """Stable name, used in settings, votes and answers."""

    def propose(self, request: RetrievalRequest, k: int) -> list[Proposal]:
        """At most k items, best first, ties by item id; empty where the source has nothing to go by."""
