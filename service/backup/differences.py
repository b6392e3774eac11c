"""What a store holds that a backup does not: what restoring it would undo."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Table

from retrieval.record.schema import AD_DAYS, AD_SHOWS, CAMPAIGNS, FEEDBACK, INTERACTIONS, ITEMS, REQUESTS, USERS

_TABLES = {
    "items": ITEMS,
    "users": USERS,
    "interactions": INTERACTIONS,
    "lists shown": REQUESTS,
    "feedback": FEEDBACK,
    "campaigns": CAMPAIGNS,
    "campaigns' days": AD_DAYS,
    "campaigns shown": AD_SHOWS,
}
_BOOKKEEPING = {"created", "version"}


@dataclass(frozen=True, kw_only=True, slots=True)
class TableChanges:
    """What happened to one kind of rows since the backup."""

    kind: str
    added: int
    changed: int
    deleted: int

    @property
    def told(self) -> str:
        """As a person reads it, such as "items: 2 added, 1 deleted"."""
        counts = {"added": self.added, "changed": self.changed, "deleted": self.deleted}
        return f"{self.kind}: " + ", ".join(f"{n} {what}" for what, n in counts.items() if n)


@dataclass(frozen=True, kw_only=True, slots=True)
class Differences:
    """All that restoring would undo."""

    tables: tuple[TableChanges, ...]
    """Only those where something changed; empty where nothing would be lost, as in an empty store."""
    promotions: int
    """Events of the adapters' history that the backup does not have."""

    @property
    def told(self) -> str | None:
        """As a person reads it; None where there is nothing to tell."""
        told = [table.told for table in self.tables]
        if self.promotions:
            told.append(f"promotions of adapters: {self.promotions}")
        return "; ".join(told) or None


def compare(current: Path, saved: Path, current_history: bytes, saved_history: bytes) -> Differences:
    """Compares two records of one schema by content, and two histories of promotions.

    Versions say nothing: after a restore the same number may stand for something else.
    """
    with closing(sqlite3.connect(current, timeout=30)) as connection:
        connection.execute("ATTACH ? AS saved", (str(saved),))
        connection.execute("BEGIN")
        empty = not any(_count(connection, f"main.{table.name}") for table in _TABLES.values())
        tables = [] if empty else [_changes(connection, kind, table) for kind, table in _TABLES.items()]
    now, then = current_history.splitlines(), saved_history.splitlines()
    return Differences(
        tables=tuple(one for one in tables if one.added or one.changed or one.deleted),
        promotions=len(now) - _common(now, then),
    )


def _changes(connection: sqlite3.Connection, kind: str, table: Table) -> TableChanges:
    content = _names([column.name for column in table.columns if column.name not in _BOOKKEEPING])
    keys = _names([column.name for column in table.primary_key.columns])
    ours, theirs = f"main.{table.name}", f"saved.{table.name}"
    added = _count(connection, _without(keys, ours, theirs))
    deleted = _count(connection, _without(keys, theirs, ours))
    return TableChanges(
        kind=kind,
        added=added,
        changed=_count(connection, _without(content, ours, theirs)) - added,
        deleted=deleted,
    )


def _without(names: str, table: str, other: str) -> str:
    return f"(SELECT {names} FROM {table} EXCEPT SELECT {names} FROM {other})"  # noqa: S608 - names of the schema


def _count(connection: sqlite3.Connection, rows: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {rows}").fetchone()[0])  # noqa: S608 - names of the schema


def _names(columns: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


def _common(now: Sequence[bytes], then: Sequence[bytes]) -> int:
    """How many lines both begin with."""
    same = 0
    for ours, theirs in zip(now, then, strict=False):
        if ours != theirs:
            break
        same += 1
    return same
