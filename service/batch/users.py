"""Whose lists are wanted: user ids from a file, one after the other."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from retrieval.errors import InputError
from retrieval.importing.cleaning import RowError, clean_id
from retrieval.importing.plan import missing_column, resolve
from retrieval.importing.tables import CsvTable, Row, Table, columns_of, open_table
from retrieval.record import Record

_FIELD = "user_id"
_CHUNK = 1000
_PLAIN = frozenset({"", ".txt"})
_NO_DELIMITER = "\x1f"
"""No id holds it, so that a line of a plain file is one cell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """One row of the list of users."""

    line: int
    """From 1; for everyone, the place."""
    user_id: str
    """As far as it could be read."""
    reason: str | None = None
    """Why it cannot be used; None where it can."""


def users_in(path: Path) -> Iterator[Listed]:
    """The ids of a CSV, JSONL or Parquet file (column user_id, or as imports know it) or of a text file (one a line).

    Text files end in .txt or in nothing. Raises InputError where the file as a whole cannot be read.
    """
    table = _table(path)
    names = columns_of(table).names
    column = resolve(names, (_FIELD,), {}).fields.get(_FIELD)
    if column is None:
        raise missing_column(table, _FIELD, names)
    for row in table.rows():
        if not isinstance(row, Row):
            yield Listed(line=row.line, user_id=row.text, reason=row.reason)
            continue
        value = row.values.get(column)
        try:
            yield Listed(line=row.line, user_id=clean_id(value, _FIELD))
        except RowError as problem:
            yield Listed(line=row.line, user_id=str(value), reason=str(problem))


def everyone(record: Record) -> Iterator[Listed]:
    """Every user of the record, by id."""
    return (Listed(line=place, user_id=user_id) for place, user_id in enumerate(record.iter_user_ids(), start=1))


def checked(record: Record, listed: Iterable[Listed]) -> Iterator[Listed]:
    """The same rows; those of users that the record does not know say so."""
    rows = iter(listed)
    while chunk := list(itertools.islice(rows, _CHUNK)):
        known = record.users([one.user_id for one in chunk if one.reason is None])
        for one in chunk:
            unknown = one.reason is None and one.user_id not in known
            yield replace(one, reason="unknown user") if unknown else one


def _table(path: Path) -> Table:
    if Path(path.name.removesuffix(".gz")).suffix.lower() not in _PLAIN:
        return open_table(path)
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    return CsvTable(path=path, header=(_FIELD,), delimiter=_NO_DELIMITER, quoting=False)
