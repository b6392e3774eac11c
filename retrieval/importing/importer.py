"""Tables into the record: two passes, bounded chunks, every rejected row accounted for.

The first pass finds what needs the whole file (the last row of each id, the largest rating, means), the second
writes. Each chunk is one transaction, so a killed import keeps what was written, and the same import again finishes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retrieval.importing.cleaning import RowError
from retrieval.importing.parsing import Parser, interaction_parser, item_parser, user_parser
from retrieval.importing.plan import ImportPlan, ImportReport, Progress, TableReport
from retrieval.importing.tables import Row, Table
from retrieval.record import Record
from retrieval.types import Interaction, User

CHUNK = 5000
_SHOWN = 500


@dataclass(kw_only=True)
class Rejects:
    """Collects rejected rows in a file that appears only once it is complete."""

    path: Path
    counts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._part = self.path.with_name(self.path.name + ".part")
        self._part.unlink(missing_ok=True)

    def add(self, table: str, line: int, reason: str, row: object) -> None:
        """Keep one row: file, line, reason and the row itself, cut at 500 characters."""
        self.counts[table] = self.counts.get(table, 0) + 1
        text = row if isinstance(row, str) else json.dumps(row, ensure_ascii=False, default=str)
        entry = {"file": table, "line": line, "reason": reason, "row": text[:_SHOWN]}
        self._part.parent.mkdir(parents=True, exist_ok=True)
        with self._part.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")

    def finish(self) -> Path | None:
        """Put the file in its place; None (and no file) if nothing was rejected."""
        if not self.counts:
            self.path.unlink(missing_ok=True)
            return None
        self._part.replace(self.path)
        return self.path


def import_tables(record: Record, plan: ImportPlan, rejects: Path, progress: Progress | None = None) -> ImportReport:
    """Imports what the plan names: items, then users, then interactions.

    Doing it twice changes nothing. Unknown users are created unless a users table was given; interactions with unknown
    items are rejected. Raises InputError where a table as a whole cannot be used, before anything of it is written.
    """
    kept = Rejects(path=rejects)
    show = progress or (lambda *_: None)
    notes: list[str] = []
    reports: list[TableReport] = []
    threshold: float | None = None
    # All headers are read before anything is written.
    items = None if plan.items is None else item_parser(plan.items, plan)
    users = None if plan.users is None else user_parser(plan.users, plan)
    interactions = None if plan.interactions is None else interaction_parser(plan.interactions, plan)
    if items is not None:
        reports.append(_Pass(record, items, kept, show).run())
    if users is not None:
        reports.append(_Pass(record, users, kept, show).run())
    if interactions is not None:
        reports.append(_Pass(record, interactions, kept, show, create_users=plan.users is None).run())
        threshold = interactions.threshold
    for parser in (items, users, interactions):
        notes += [] if parser is None else parser.notes
    return ImportReport(tables=tuple(reports), like_threshold=threshold, notes=tuple(notes), rejects=kept.finish())


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
        self._read = self._inserted = self._updated = self._unchanged = 0

    def run(self) -> TableReport:
        table = self._parser.table
        last = self._survey(table)
        chunk: list[tuple[Row, Any]] = []
        for row, value in self._winners(table, last):
            chunk.append((row, value))
            if len(chunk) == CHUNK:
                self._write(chunk)
                chunk = []
        self._write(chunk)
        rejected = self._rejects.counts.get(table.name, 0)
        written = self._inserted + self._updated + self._unchanged
        return TableReport(
            name=table.name,
            kind=self._parser.kind,
            read=self._read,
            inserted=self._inserted,
            updated=self._updated,
            unchanged=self._unchanged,
            duplicates=self._read - written - rejected,
            rejected=rejected,
        )

    def _survey(self, table: Table) -> dict[str, tuple[float, int]]:
        """Which line of each id counts: the one with the latest time, of equals the last."""
        last: dict[str, tuple[float, int]] = {}
        for row in table.rows():
            self._read += 1
            if not isinstance(row, Row):
                self._rejects.add(table.name, row.line, row.reason, row.text)
                continue
            try:
                key, time = self._parser.survey(row)
            except RowError as problem:
                self._rejects.add(table.name, row.line, str(problem), dict(row.values))
                continue
            last[key] = max(last.get(key, (time, row.line)), (time, row.line))
        self._parser.surveyed()
        return last

    def _winners(self, table: Table, last: dict[str, tuple[float, int]]) -> Iterator[tuple[Row, Any]]:
        lines = {line for _, line in last.values()}
        for done, row in enumerate(table.rows(), start=1):
            if done % CHUNK == 0 or done == self._read:
                self._show(table.name, done, self._read)
            if isinstance(row, Row) and row.line in lines:
                yield row, self._parser.parse(row)

    def _write(self, chunk: list[tuple[Row, Any]]) -> None:
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
        items = self._record.items({value.item_id for _, value in pairs})
        users = set(self._record.users({value.user_id for _, value in pairs}))
        kept = []
        for row, value in pairs:
            if value.item_id not in items:
                reason = f"unknown item {value.item_id!r}: it is in no items file that was imported"
            elif value.user_id not in users and not self._create_users:
                reason = f"unknown user {value.user_id!r}: it is not in the users file"
            else:
                kept.append(value)
                continue
            self._rejects.add(self._parser.table.name, row.line, reason, dict(row.values))
        new = {value.user_id for value in kept} - users
        self._record.put_users([User(user_id=user_id) for user_id in sorted(new)])
        return kept
