"""A store of drawn items and users, of any size, for benchmarks that ask no model: vectors come from a seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from retrieval.protocol import Progress, Vectors
from retrieval.record import Record
from retrieval.store import Store
from retrieval.types import Interaction, Item, User

DIMENSION = 384
"""As many as the default embedder's vectors have."""
GENRES = ("Drama", "Comedy", "Horror", "Romance", "Crime", "Fantasy", "History", "Travel")
_CENTRES = 200
_BATCH = 5_000


class DrawnEmbedder:
    """Gives each text a vector near one of 200 centres, all drawn: as crowded as real texts, no meaning."""

    name = f"drawn-{DIMENSION}"

    def __init__(self) -> None:
        self._centres = np.random.default_rng(7).normal(size=(_CENTRES, DIMENSION))

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit rows, shape (len(texts), 384)."""
        drawn = [np.random.default_rng(list(text.encode())) for text in texts]
        rows = np.array([self._centres[one.integers(_CENTRES)] + one.normal(size=DIMENSION) for one in drawn])
        rows = rows.reshape(-1, DIMENSION)
        unit: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        return unit


def fill(store: Store, *, n_items: int, n_users: int, per_user: int, progress: Progress | None = None) -> None:
    """Items i0, i1, … and users u0, u1, …, each with so many interactions; popularity follows a Zipf law."""
    fill_record(store.record, n_items=n_items, n_users=n_users, per_user=per_user)
    store.catch_up(progress)


def fill_record(record: Record, *, n_items: int, n_users: int, per_user: int) -> None:
    """The same without the index."""
    drawn = np.random.default_rng(7)
    for part in _parts(n_items):
        record.put_items([_item(at) for at in part])
    weights = 1 / (np.arange(n_items) + 10.0)
    for part in _parts(n_users):
        record.put_users([User(user_id=f"u{at}") for at in part])
    for part in _parts(n_users, _BATCH // per_user or 1):
        taken = drawn.choice(n_items, size=(len(part), 2 * per_user), p=weights / weights.sum())
        record.put_interactions(
            [
                Interaction(user_id=f"u{user}", item_id=f"i{item}", timestamp=1e9 + 1e4 * user + at)
                for user, row in zip(part, taken, strict=True)
                for at, item in enumerate(tuple(dict.fromkeys(row.tolist()))[:per_user])
            ]
        )


def _item(at: int) -> Item:
    return Item(
        item_id=f"i{at}",
        title=f"Film number {at}",
        attributes={"genres": (GENRES[at % len(GENRES)],), "year": 1950.0 + at % 75},
    )


def _parts(n: int, size: int = _BATCH) -> Iterator[range]:
    for start in range(0, n, size):
        yield range(start, min(start + size, n))
