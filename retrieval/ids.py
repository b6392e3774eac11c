"""Ids of index entries that belong to a pair of user and item."""

from __future__ import annotations

from typing import NamedTuple

SEPARATOR = "\x1f"
"""ASCII unit separator. Imports refuse control characters in ids, so it cannot be part of one."""


class Pair(NamedTuple):
    """The two ids behind an index entry."""

    user_id: str
    item_id: str


def pair_id(user_id: str, item_id: str) -> str:
    """Index id of a user's interaction with an item, and of the demonstration that ends in it."""
    return f"{user_id}{SEPARATOR}{item_id}"


def split_pair_id(entry_id: str) -> Pair:
    """The inverse of `pair_id`. Raises ValueError for anything else."""
    user_id, separator, item_id = entry_id.partition(SEPARATOR)
    if not separator:
        raise ValueError(f"not a pair id: {entry_id!r}")
    return Pair(user_id, item_id)
