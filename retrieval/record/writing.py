"""Writes inside one transaction of the record: insert or update only what differs, delete with a tombstone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, delete, func, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from retrieval.ids import Pair, pair_id
from retrieval.record.quotas import check_quota
from retrieval.record.rows import Values
from retrieval.record.schema import FORGOTTEN, STATE, TOMBSTONES
from retrieval.record.types import Written

T = TypeVar("T")

CHUNK = 5_000
"""Rows or ids per statement: far below the databases' limits on bound values."""


def chunks(rows: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """Slices of at most `size`."""
    iterator = iter(rows)
    while part := tuple(islice(iterator, size)):
        yield part


def next_version(connection: Connection) -> int:
    """The version this transaction will commit. Locks the counter, so writers pass one at a time."""
    version: int = connection.execute(select(STATE.c.version).with_for_update()).scalar_one()
    return version + 1


def commit_version(connection: Connection, version: int) -> None:
    """Make `version` the record's version. Called only where something changed."""
    connection.execute(update(STATE).values(version=version))


def upsert(connection: Connection, table: Table, rows: Sequence[Values], version: int) -> Written:
    """Write rows with distinct keys. Rows that are already stored just so keep their old version.

    Raises QuotaError where new ones pass the quota of the connection's database.
    """
    for part in chunks(rows):
        stamped = [{**row, "created": version, "version": version} for row in part]
        connection.execute(_upsert_statement(connection, table), stamped)
    changed = select(func.count()).select_from(table).where(table.c.version == version)
    n_changed = connection.execute(changed).scalar_one()
    n_inserted = connection.execute(changed.where(table.c.created == version)).scalar_one()
    if n_inserted:
        check_quota(connection, table)
        _unbury(connection, table, rows)
    return Written(inserted=n_inserted, updated=n_changed - n_inserted, unchanged=len(rows) - n_changed)


def bury(connection: Connection, table: Table, entry_ids: Sequence[str], version: int) -> None:
    """Leave tombstones for deleted entries."""
    for part in chunks(entry_ids):
        _entomb(connection, [{"kind": table.name, "entry_id": entry_id, "version": version} for entry_id in part])


def mark_forgotten(connection: Connection, tombstones: ColumnElement[bool]) -> None:
    """Tell those who follow the deletions that these tombstones are about to go."""
    chosen = or_(TOMBSTONES.c.kind == FORGOTTEN, tombstones)
    last = connection.scalar(select(func.max(TOMBSTONES.c.version)).where(chosen))
    if last is not None:
        _entomb(connection, [{"kind": FORGOTTEN, "entry_id": "", "version": last}])


def delete_ids(connection: Connection, table: Table, ids: Sequence[str], version: int) -> int:
    """Delete rows by their one key column; returns how many there were."""
    (key,) = table.primary_key.columns
    found: list[str] = []
    for part in chunks(ids):
        found.extend(connection.scalars(select(key).where(key.in_(part))))
    for part in chunks(found):
        connection.execute(delete(table).where(key.in_(part)))
    bury(connection, table, found, version)
    return len(found)


def delete_pairs(connection: Connection, table: Table, pairs: Sequence[Pair], version: int) -> int:
    """Delete rows by user and item; returns how many there were."""
    key = tuple_(table.c.user_id, table.c.item_id)
    found: list[Pair] = []
    for part in chunks(pairs):
        found.extend(
            Pair(*row) for row in connection.execute(select(table.c.user_id, table.c.item_id).where(key.in_(part)))
        )
    statement = delete(table).where(table.c.user_id == bindparam("user"), table.c.item_id == bindparam("item"))
    for some in chunks(found):
        connection.execute(statement, [{"user": pair.user_id, "item": pair.item_id} for pair in some])
    bury(connection, table, [pair_id(*pair) for pair in found], version)
    return len(found)


def pairs_with(connection: Connection, table: Table, column: str, ids: Sequence[str]) -> list[Pair]:
    """Keys of the rows whose user or item is one of `ids`."""
    found: list[Pair] = []
    for part in chunks(ids):
        statement = select(table.c.user_id, table.c.item_id).where(table.c[column].in_(part))
        found.extend(Pair(*row) for row in connection.execute(statement))
    return found


def last_change(connection: Connection, table: Table) -> int:
    """Version of the last insert, update or delete in a table; 0 if there was none."""
    newest = connection.scalar(select(func.max(table.c.version))) or 0
    gone = connection.scalar(select(func.max(TOMBSTONES.c.version)).where(TOMBSTONES.c.kind == table.name)) or 0
    return int(max(newest, gone))


def entry_id(table: Table, row: Values) -> str:
    """Id of a row's tombstone and index entry."""
    keys = [row[column.name] for column in table.primary_key.columns]
    return keys[0] if len(keys) == 1 else pair_id(*keys)


def _entomb(connection: Connection, rows: Sequence[Values]) -> None:
    insert = insert_of(connection)(TOMBSTONES)
    statement = insert.on_conflict_do_update(
        index_elements=["kind", "entry_id"], set_={"version": insert.excluded.version}
    )
    connection.execute(statement, rows)


def _unbury(connection: Connection, table: Table, rows: Sequence[Values]) -> None:
    kind = table.name
    if connection.scalar(select(TOMBSTONES.c.kind).where(TOMBSTONES.c.kind == kind).limit(1)) is None:
        return
    statement = delete(TOMBSTONES).where(TOMBSTONES.c.kind == kind, TOMBSTONES.c.entry_id == bindparam("entry"))
    for part in chunks(rows):
        connection.execute(statement, [{"entry": entry_id(table, row)} for row in part])


def insert_of(connection: Connection) -> Any:
    """The insert of this connection's database, which knows "on conflict"."""
    # Both databases spell "on conflict" alike, but SQLAlchemy keeps it in the dialects' own insert.
    return postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert


def _upsert_statement(connection: Connection, table: Table) -> Any:
    insert = insert_of(connection)(table)
    keys = [column.name for column in table.primary_key.columns]
    data = [column.name for column in table.columns if column.name not in (*keys, "created", "version")]
    differs = [table.c[name].is_distinct_from(insert.excluded[name]) for name in data]
    return insert.on_conflict_do_update(
        index_elements=keys,
        set_={name: insert.excluded[name] for name in (*data, "version")},
        where=and_(or_(*differs)),
    )
