"""What the rest of FewRec may assume about retrieval's replaceable parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from retrieval.types import PastItem, Query, User

if TYPE_CHECKING:
    from retrieval.behaviour import Moment, Scores
    from retrieval.words import Match

Vectors: TypeAlias = npt.NDArray[np.float32]
Collection: TypeAlias = Literal["items", "interactions", "demonstrations"]

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with the name of a stage of long work, how much of it is done, and of how much."""


class Embedder(Protocol):
    """Turns texts into unit vectors."""

    @property
    def name(self) -> str:
        """Model and revision, stored beside the index: vectors of different names never mix."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit-length rows, shape (len(texts), dimension), in the order of texts; shape (0, dimension) for none."""


class Hit(NamedTuple):
    """One neighbour found in the index."""

    id: str
    similarity: float
    """Cosine in [-1, 1], higher is nearer."""


class VectorIndex(Protocol):
    """The read side of the retrieval store (Chroma)."""

    def nearest(self, collection: Collection, vectors: Vectors, k: int) -> list[list[Hit]]:
        """For each row of `vectors`, shape (n, dimension), at most k nearest entries, best first, ties by id."""

    def vectors(self, collection: Collection, ids: Sequence[str]) -> dict[str, Vectors]:
        """Stored vectors, shape (dimension,), by id; ids that are not stored are absent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RetrievalRequest:
    """A query with all that the candidate sources go by, gathered once."""

    query: Query
    as_of: float
    user: User | None
    history: tuple[PastItem, ...]
    liked: Mapping[str, Vectors]
    """Vectors, shape (dimension,), of the user's latest liked items that are indexed, by item id, oldest first."""
    asked: Vectors | None
    """Vector of the query's text, shape (dimension,); None without a text."""
    profile: Vectors | None
    """Vector of what the user says of themselves, where there is neither a text nor anything that they liked."""
    moment: Moment
    """What everybody did before as_of."""
    together: Scores | None
    """Co-occurrence with the user's history, shape (n_items,), as Moment.cooccurrence tells."""
    alike: Scores | None
    """Latent closeness to the user's history, shape (n_items,), as Moment.latent tells."""
    worded: Match | None
    """Words in common with what the user liked, as Bm25.match tells."""
    recency: Mapping[str, float] | None = None
    """How much each past item counts beside the others, in (0, 1], by item id; None where all count alike."""

    @property
    def tells_nothing(self) -> bool:
        """Whether there is neither a past nor a text nor a profile that tells of taste."""
        return not self.history and self.asked is None and self.profile is None

    def weights_of(self, item_ids: Iterable[str]) -> list[float] | None:
        """What `recency` says of these, in order."""
        return None if self.recency is None else [self.recency[item_id] for item_id in item_ids]


class Proposal(NamedTuple):
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
