"""Tables into the record: two passes, bounded chunks, every rejected row accounted for.

The first pass finds what needs the whole file (the last row of each id, the largest rating, means), the second
writes. Each chunk is one transaction, so a killed import keeps what was written, and the same import again finishes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval.errors import InputError
from retrieval.importing.cleaning import RowError
from retrieval.importing.parsing import Parser, interaction_parser, item_parser, user_parser
from retrieval.importing.plan import ImportPlan, ImportReport, TableReport
from retrieval.importing.tables import Row, Table
from retrieval.protocol import Progress
from retrieval.record import Record
from retrieval.types import Interaction, User

CHUNK = 5000
_SHOWN = 500


@dataclass(kw_only=True)
class Rejects:
    """Collects rejected rows in a file that appears only once it is complete."""

    path: Path
    any: bool = False

    def __post_init__(self) -> None:
        self._part = self.path.with_name(self.path.name + ".part")
        self._part.unlink(missing_ok=True)

    def add(self, table: str, line: int, reason: str, row: object) -> None:
        """Keep one row: file, line, reason and the row itself, cut at 500 characters."""
        self.any = True
        text = row if isinstance(row, str) else json.dumps(row, ensure_ascii=False, default=str)
        entry = {"file": table, "line": line, "reason": reason, "row": text[:_SHOWN]}
        self._part.parent.mkdir(parents=True, exist_ok=True)
        with self._part.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")

    def finish(self) -> Path | None:
        """Put the file in its place; None if nothing was rejected. An older file is replaced, never just removed."""
        if not self.any:
            return None
        self._part.replace(self.path)
        return self.path

    def drop(self) -> None:
        """Forget what was collected, after an import that failed as a whole."""
        self._part.unlink(missing_ok=True)


def import_tables(record: Record, plan: ImportPlan, rejects: Path, progress: Progress | None = None) -> ImportReport:
    """Imports what the plan names: items, then users, then interactions.

    Doing it twice changes nothing. Unknown users are created unless a users table was given; interactions with unknown
    items are rejected. Raises InputError where a table as a whole cannot be used, before anything is written.
    """
    kept = Rejects(path=rejects)
    show = progress or (lambda *_: None)
    items = None if plan.items is None else item_parser(plan.items, plan)
    users = None if plan.users is None else user_parser(plan.users, plan)
    interactions = None if plan.interactions is None else interaction_parser(plan.interactions, plan)
    parsers: list[Parser[Any]] = [parser for parser in (items, users, interactions) if parser is not None]
    _check_names(plan, parsers)
    passes = [_Pass(record, parser, kept, show, create_users=plan.users is None) for parser in parsers]
    try:
        for one in passes:
            one.survey()
        reports = tuple(one.write() for one in passes)
    except InputError:
        kept.drop()
        raise
    return ImportReport(
        tables=reports,
        like_threshold=None if interactions is None else interactions.threshold,
        notes=tuple(note for parser in parsers for note in parser.notes),
        rejects=kept.finish(),
    )


def _check_names(plan: ImportPlan, parsers: list[Parser[Any]]) -> None:
    """Raises InputError for a column or an attribute that no table has: a slip of the pen must not pass silently."""
    columns = frozenset[str]().union(*(parser.columns for parser in parsers))
    for name, column in plan.mapping.items():
        if column.lower() not in columns:
            raise InputError(f"no column {column!r}, which {name} is mapped to; there are: {_listed(columns)}")
    attributes = frozenset[str]().union(*(parser.attributes for parser in parsers))
    for name in plan.fill_missing:
        if name not in attributes:
            raise InputError(f"no table has an attribute {name!r} to fill; there are: {_listed(attributes)}")


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "none"


class _Pass:
    """Both passes over one table."""

    def __init__(
        self, record: Record, parser: Parser[Any], rejects: Rejects, show: Progress, create_users: bool = False
    ) -> None:
        self._record = record
        self._parser = parser
        self._rejects = rejects
        self._show = show
        self._create_users = create_users
        self._read = self._rejected = self._inserted = self._updated = self._unchanged = 0
        self._last: dict[str, tuple[float, int]] = {}
        self._items: set[str] = set()
        self._users: set[str] = set()

    def write(self) -> TableReport:
        """The second pass."""
        table = self._parser.table
        chunk: list[tuple[Row, Any]] = []
        for row, value in self._winners(table, self._last):
            chunk.append((row, value))
            if len(chunk) == CHUNK:
                self._put(chunk)
                chunk = []
        self._put(chunk)
        written = self._inserted + self._updated + self._unchanged
        return TableReport(
            name=table.name,
            kind=self._parser.kind,
            read=self._read,
            inserted=self._inserted,
            updated=self._updated,
            unchanged=self._unchanged,
            duplicates=self._read - written - self._rejected,
            rejected=self._rejected,
        )

    def survey(self) -> None:
        """The first pass. Of the lines of one id the one with the latest time counts, of equals the last."""
        last = self._last
        for row in self._parser.table.rows():
            if not isinstance(row, Row):
                self._read += row.lines
                self._reject(row.line, row.reason, row.text, row.lines)
                continue
            self._read += 1
            try:
                key, time = self._parser.survey(row)
            except RowError as problem:
                self._reject(row.line, str(problem), dict(row.values))
                continue
            last[key] = max(last.get(key, (time, row.line)), (time, row.line))
        self._parser.surveyed()

    def _reject(self, line: int, reason: str, row: object, lines: int = 1) -> None:
        self._rejected += lines
        self._rejects.add(self._parser.table.name, line, reason, row)

    def _winners(self, table: Table, last: dict[str, tuple[float, int]]) -> Iterator[tuple[Row, Any]]:
        lines = {line for _, line in last.values()}
        done = 0
        for number, row in enumerate(table.rows(), start=1):
            done += 1 if isinstance(row, Row) else row.lines
            if number % CHUNK == 0 or done == self._read:
                self._show(table.name, done, self._read)
            if isinstance(row, Row) and row.line in lines:
                yield row, self._parser.parse(row)

    def _put(self, chunk: list[tuple[Row, Any]]) -> None:
        values = [value for _, value in chunk]
        if self._parser.kind == "items":
            written = self._record.put_items(values)
        elif self._parser.kind == "users":
            written = self._record.put_users(values)
        else:
            written = self._record.put_interactions(self._known(chunk))
        self._inserted += written.inserted
        self._updated += written.updated
        self._unchanged += written.unchanged

    def _known(self, pairs: list[tuple[Row, Interaction]]) -> list[Interaction]:
        items, users = self._items, self._users
        items.update(self._record.items({value.item_id for _, value in pairs} - items))
        users.update(self._record.users({value.user_id for _, value in pairs} - users))
        kept = []
        for row, value in pairs:
            if value.item_id not in items:
                reason = f"unknown item {value.item_id!r}: it is in no items file that was imported"
            elif value.user_id not in users and not self._create_users:
                reason = f"unknown user {value.user_id!r}: it is not in the users file"
            else:
                kept.append(value)
                continue
            self._reject(row.line, reason, dict(row.values))
        new = {value.user_id for value in kept} - users
        self._record.put_users([User(user_id=user_id) for user_id in sorted(new)])
        users.update(new)
        return kept
