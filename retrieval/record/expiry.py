"""Taking many items out of all lists at once, by what they are or by how old they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select

from retrieval.errors import InputError
from retrieval.filters import Filter
from retrieval.matching import matches
from retrieval.record.database import Database
from retrieval.record.rows import item_values, read_item
from retrieval.record.schema import ITEMS
from retrieval.record.writing import commit_version, next_version, upsert
from retrieval.types import Item


@dataclass(frozen=True, kw_only=True, slots=True)
class Expiring:
    """Which items are meant: those that meet all conditions and came into the catalogue before a time."""

    conditions: tuple[Filter, ...] = ()
    added_before: float | None = None
    """None is any time; an item without a date is never meant by a time."""


def expire(database: Database, meant: Expiring, *, at: float, dry_run: bool) -> Sequence[str]:
    """Lets the items that are meant, and have not expired by `at`, expire then; returns their ids, sorted.

    One transaction: every list that begins later is without them, whichever source proposes them. They stay in
    histories. A dry run changes nothing. Raises InputError where nothing says which items are meant.
    """
    if not meant.conditions and meant.added_before is None:
        raise InputError("say which items expire: by conditions, by their age, or by both")
    chosen = select(ITEMS).where((ITEMS.c.expires_at.is_(None)) | (ITEMS.c.expires_at > at))
    if meant.added_before is not None:
        chosen = chosen.where(ITEMS.c.added_at < meant.added_before)
    if dry_run:
        with database.read() as connection:
            return [item.item_id for item in _those(map(read_item, connection.execute(chosen)), meant)]
    with database.write() as connection:
        found = _those(map(read_item, connection.execute(chosen)), meant)
        version = next_version(connection)
        if found:
            values = tuple(item_values(replace(item, expires_at=at)) for item in found)
            upsert(connection, ITEMS, values, version)
            commit_version(connection, version)
    return [item.item_id for item in found]


def _those(items: Iterable[Item], meant: Expiring) -> list[Item]:
    there = (item for item in items if all(matches(condition, item) for condition in meant.conditions))
    return sorted(there, key=lambda item: item.item_id)
