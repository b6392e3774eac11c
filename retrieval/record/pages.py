"""Rows in the order of their keys, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, select, tuple_

from retrieval.record.database import Database
from retrieval.record.feedback import read_feedback
from retrieval.record.rows import read_interaction, read_item, read_user
from retrieval.record.schema import FEEDBACK, INTERACTIONS, ITEMS, USERS
from retrieval.record.types import Feedback
from retrieval.types import Interaction, Item, User


class Pages:
    """At most `limit` rows after a key (None is the start). Writes between two pages may or may not be seen."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def items(self, after: str | None, limit: int) -> tuple[Item, ...]:
        """Items by id."""
        return tuple(read_item(row) for row in self._page(ITEMS, None if after is None else (after,), limit))

    def users(self, after: str | None, limit: int) -> tuple[User, ...]:
        """Users by id."""
        return tuple(read_user(row) for row in self._page(USERS, None if after is None else (after,), limit))

    def interactions(self, user_id: str, after: str | None, limit: int) -> tuple[Interaction, ...]:
        """One user's interactions by item id."""
        start = (user_id, "" if after is None else after)
        own = self._page(INTERACTIONS, start, limit, INTERACTIONS.c.user_id == user_id)
        return tuple(read_interaction(row) for row in own)

    def feedback(self, after: str | None, limit: int) -> tuple[Feedback, ...]:
        """All feedback by its id."""
        return tuple(read_feedback(row) for row in self._page(FEEDBACK, None if after is None else (after,), limit))

    def all(self, table: Table, batch: int) -> Iterator[Any]:
        """Every row, read `batch` at a time."""
        keys = [key.name for key in table.primary_key.columns]
        after: tuple[str, ...] | None = None
        while True:
            rows = self._page(table, after, batch)
            yield from rows
            if len(rows) < batch:
                return
            after = tuple(str(getattr(rows[-1], key)) for key in keys)

    def _page(
        self, table: Table, after: tuple[str, ...] | None, limit: int, *own: ColumnElement[bool]
    ) -> Sequence[Any]:
        keys = tuple(table.primary_key.columns)
        chosen = select(table).where(*own).order_by(*keys).limit(limit)
        with self._database.read() as connection:
            return connection.execute(chosen if after is None else chosen.where(_beyond(keys, after))).all()


def _beyond(keys: tuple[Any, ...], after: tuple[str, ...]) -> ColumnElement[bool]:
    return keys[0] > after[0] if len(keys) == 1 else tuple_(*keys) > after
