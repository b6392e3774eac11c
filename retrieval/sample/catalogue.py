"""The bundled sample: a catalogue of films and books from plain facts, and simulated users who chose from it."""

from __future__ import annotations

import json
from importlib.resources import files

from retrieval.sample.taste import TasteModel, simulated_users
from retrieval.types import Interaction, Item, User

FILES = ("films.jsonl", "books.jsonl")


def sample_items() -> tuple[Item, ...]:
    """Every film, then every book, each in the order of its file.

    Attributes: year (float), genres and people (tuples of words), country (text).
    """
    folder = files("retrieval.sample")
    return tuple(
        _item(line)
        for name in FILES
        for line in folder.joinpath(name).read_text(encoding="utf-8").splitlines()
        if line.strip()
    )


def sample_users() -> tuple[User, ...]:
    """The simulated users, in the order of their ids; each has the attribute simulated = True."""
    return tuple(user.as_user() for user in simulated_users())


def sample_interactions(seed: int = 7) -> tuple[Interaction, ...]:
    """What the simulated users chose and how they rated it: user by user, oldest first. The same for the same seed."""
    model = TasteModel(sample_items(), seed)
    return tuple(interaction for user in simulated_users() for interaction in model.history(user))


def _item(line: str) -> Item:
    row = json.loads(line)
    return Item(
        item_id=row["item_id"],
        title=row["title"],
        domain=row["domain"],
        description=row["description"],
        attributes={
            "year": float(row["year"]),
            "genres": tuple(row["genres"]),
            "people": tuple(row["people"]),
            "country": row["country"],
        },
    )
