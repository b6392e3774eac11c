"""Changing a stored row by what it holds, without another writer in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Table, select

from retrieval.record.database import Database
from retrieval.record.rows import Values
from retrieval.record.writing import commit_version, next_version, upsert

T = TypeVar("T")


def change_row(
    database: Database,
    table: Table,
    key: tuple[str, ...],
    read: Callable[[Any], T],
    change: Callable[[T], T],
    values: Callable[[T], Values],
) -> T | None:
    """The row as `change` leaves it, stored in the transaction that read it; None where there is no such row."""
    with database.write() as connection:
        version = next_version(connection)
        wanted = [column == part for column, part in zip(table.primary_key.columns, key, strict=True)]
        row = connection.execute(select(table).where(*wanted)).one_or_none()
        if row is None:
            return None
        changed = change(read(row))
        if upsert(connection, table, (values(changed),), version).updated:
            commit_version(connection, version)
    return changed
