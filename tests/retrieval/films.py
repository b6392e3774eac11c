"""Five films of two kinds and four users, for the tests of audiences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from retrieval.config import RetrievalSettings
from retrieval.record import Record
from retrieval.retriever import Retriever
from retrieval.types import Interaction, Item, User
from tests.fakes import HashingEmbedder
from tests.fakes_retrieval import index_of

NOW = 100.0
TITLES = {
    "horror1": "ghost horror night",
    "horror2": "ghost horror house",
    "comedy1": "wedding comedy summer",
    "comedy2": "wedding comedy winter",
    "newghost": "ghost horror winter",
}
TAKEN = {"ann": ("horror1", "horror2"), "bob": ("comedy1", "comedy2"), "cid": ("horror1", "comedy1"), "dan": ()}


@contextmanager
def open_films(folder: Path) -> Iterator[Record]:
    opened = Record.open(str(folder / "record.db"))
    opened.put_items([Item(item_id=key, title=title) for key, title in TITLES.items()])
    opened.put_users([User(user_id=name) for name in TAKEN])
    opened.put_interactions(
        [
            Interaction(user_id=name, item_id=item_id, timestamp=1.0 + at)
            for name, taken in TAKEN.items()
            for at, item_id in enumerate(taken)
        ]
    )
    yield opened
    opened.close()


def retriever_of(record: Record) -> Retriever:
    embedder = HashingEmbedder()
    return Retriever(record, index_of(record, embedder), embedder, RetrievalSettings())
