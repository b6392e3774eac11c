"""A small shop for tests of candidates and examples: films of two kinds, users who keep to one kind."""

from __future__ import annotations

from collections.abc import Sequence

from retrieval.config import RetrievalSettings
from retrieval.record import Record
from retrieval.retriever import Retriever
from retrieval.types import Interaction, Item, Query, Retrieved, User
from tests.fakes import HashingEmbedder
from tests.fakes_retrieval import MemoryIndex, index_of

NOW = 1_000.0
ALL = 100


def interact(user_id: str, item_id: str, timestamp: float, *, liked: bool = True) -> Interaction:
    return Interaction(user_id=user_id, item_id=item_id, timestamp=timestamp, liked=liked)


def film(item_id: str, kind: str, year: float, *, added_at: float | None = None, domain: str = "films") -> Item:
    return Item(
        item_id=item_id,
        title=f"{kind} film {item_id}",
        domain=domain,
        attributes={"genres": (kind,), "year": year},
        added_at=added_at,
    )


def open_shop(record: Record) -> None:
    """Six space films s0…s5 and six love films l0…l5; users a, b, c take space films, d love films, "new" nothing."""
    record.put_items([film(f"s{k}", "space", 1990 + k, added_at=float(k)) for k in range(6)])
    record.put_items([film(f"l{k}", "love", 2000 + k) for k in range(6)])
    record.put_users([User(user_id=user_id) for user_id in ("a", "b", "c", "d", "new")])
    for user_id, taken in {"a": "s0 s1", "b": "s0 s1 s2 s3", "c": "s1 s2 s3 s4", "d": "l0 l1 l2 l3"}.items():
        record.put_interactions([interact(user_id, item_id, 10.0 + k) for k, item_id in enumerate(taken.split())])


class Shop:
    """The shop with its index; the index is what the record held when this was made."""

    def __init__(self, record: Record, settings: RetrievalSettings | None = None) -> None:
        self.record = record
        self.embedder = HashingEmbedder()
        self.index: MemoryIndex = index_of(record, self.embedder)
        self.retriever = Retriever(record, self.index, self.embedder, settings or RetrievalSettings())

    def ask(self, query: Query, n: int = ALL) -> Retrieved:
        return self.retriever.retrieve(query, n)


def ids(retrieved: Retrieved) -> Sequence[str]:
    return [candidate.item.item_id for candidate in retrieved.candidates]
