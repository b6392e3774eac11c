"""Rows that are asked for by ids, however many these are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Table, select

from retrieval.record.database import Database
from retrieval.record.rows import read_item, read_past
from retrieval.record.schema import INTERACTIONS, ITEMS
from retrieval.record.writing import chunks
from retrieval.types import Item, PastItem

_PAST_COLUMNS = (INTERACTIONS.c.timestamp, INTERACTIONS.c.liked, INTERACTIONS.c.rating)


def rows_by_ids(connection: Connection, table: Table, key: Any, ids: Sequence[str]) -> Iterator[Any]:
    """The rows whose key is one of `ids`, in no order."""
    for part in chunks(ids):
        yield from connection.execute(select(table).where(key.in_(part)))


def read_histories(
    database: Database, user_ids: Iterable[str], before: float | None
) -> dict[str, tuple[PastItem, ...]]:
    """Interactions with timestamp < before (all for None) by user, oldest first, ties by item id; every id is there."""
    past: dict[str, list[PastItem]] = {user_id: [] for user_id in user_ids}
    items: dict[str, Item] = {}
    joined = select(ITEMS, INTERACTIONS.c.user_id, *_PAST_COLUMNS).join_from(INTERACTIONS, ITEMS)
    ordered = joined.order_by(INTERACTIONS.c.user_id, INTERACTIONS.c.timestamp, INTERACTIONS.c.item_id)
    if before is not None:
        ordered = ordered.where(INTERACTIONS.c.timestamp < before)
    with database.read() as connection:
        for part in chunks(tuple(past)):
            for row in connection.execute(ordered.where(INTERACTIONS.c.user_id.in_(part))):
                item = items.get(row.item_id) or items.setdefault(row.item_id, read_item(row))
                past[row.user_id].append(read_past(row, item))
    return {user_id: tuple(entries) for user_id, entries in past.items()}
