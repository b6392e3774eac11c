"""The log of prompts, where the operator asked for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, or_, select

from retrieval.record.database import Database
from retrieval.record.schema import PROMPTS
from retrieval.record.types import LoggedPrompts

FORGOTTEN_AT_ONCE = 500


class PromptLog:
    """Prompts by the request id of their list; they are written with the list, see `ShownLists.log`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, request_id: str) -> LoggedPrompts | None:
        """Those of a list, or None where none were logged."""
        with self._database.read() as connection:
            row = connection.execute(select(PROMPTS).where(PROMPTS.c.request_id == request_id)).one_or_none()
        return None if row is None else read_prompts(row)

    def forget(self, before: float) -> int:
        """Delete those asked before a time; for how many lists there were any."""
        return forget_rows(self._database, PROMPTS, before)


def log_prompts(connection: Connection, logged: LoggedPrompts) -> None:
    """Keep what the model was shown, in the transaction that keeps the list."""
    connection.execute(insert(PROMPTS), asdict(logged))


def erase_prompts(connection: Connection, user_ids: Sequence[str]) -> int:
    """Delete the users' own, and all that show demonstrations, which may be theirs; how many rows there were."""
    theirs = or_(PROMPTS.c.user_id.in_(user_ids), PROMPTS.c.shows_others)
    return connection.execute(delete(PROMPTS).where(theirs)).rowcount


def read_prompts(row: Any) -> LoggedPrompts:
    """Prompts of a row that carries the columns."""
    return LoggedPrompts(
        request_id=row.request_id,
        user_id=row.user_id,
        asked_at=row.asked_at,
        prompts=row.prompts,
        shows_others=row.shows_others,
    )


def forget_rows(database: Database, table: Table, before: float) -> int:
    """Delete the rows of a table whose `asked_at` is before a time; how many there were.

    They go a few at a time, so that nobody who writes waits for long.
    """
    oldest = select(table.c.request_id).where(table.c.asked_at < before).limit(FORGOTTEN_AT_ONCE)
    n = 0
    while True:
        with database.write() as connection:
            gone = connection.execute(delete(table).where(table.c.request_id.in_(oldest))).rowcount
        n += gone
        if gone < FORGOTTEN_AT_ONCE:
            return n
