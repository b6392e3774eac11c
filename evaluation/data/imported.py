"""Tables read the way `fewrec import` reads them, and the corpus they make, kept by the digest of their files."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from evaluation.data.corpus import corpus_of_record
from evaluation.data.corpus_files import read_corpus, write_corpus
from evaluation.data.keeping import keep
from evaluation.data.types import Corpus
from retrieval.importing.importer import import_tables
from retrieval.importing.plan import ImportPlan, ImportReport
from retrieval.importing.tables import Table
from retrieval.protocol import Progress
from retrieval.record import Record

_FORM = "1"
"""Raised when the importer reads the same files otherwise, so that what older versions kept is not used."""
_REJECTS = "rejected.jsonl"
_NOTES = "notes.json"


@runtime_checkable
class OnDisk(Protocol):
    """A table that is one file."""

    @property
    def path(self) -> Path:
        """That file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """A corpus read from tables."""

    corpus: Corpus
    notes: tuple[str, ...]
    """What the import said: the like threshold, rejected rows."""


def import_corpus(plan: ImportPlan, name: str, cache: Path, progress: Progress | None = None) -> Imported:
    """The corpus that the plan's tables make; imported once into `cache`. Raises InputError as the import does."""
    folder = cache / "evaluation" / "corpora" / _digest(plan)

    def build(part: Path) -> None:
        with tempfile.TemporaryDirectory(dir=part) as room:
            record = Record.open(str(Path(room) / "record.db"))
            try:
                report = import_tables(record, plan, part / _REJECTS, progress)
                write_corpus(corpus_of_record(record, name), part)
            finally:
                record.close()
        notes = [*report.notes, *_rejections(report, folder / _REJECTS)]
        (part / _NOTES).write_text(json.dumps(notes), encoding="utf-8")

    keep(folder, build)
    notes = json.loads((folder / _NOTES).read_text(encoding="utf-8"))
    return Imported(corpus=read_corpus(folder, name), notes=tuple(notes))


def digest_file(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _rejections(report: ImportReport, rejects: Path) -> list[str]:
    return [
        f"{table.name}: {table.rejected} of {table.read} rows were rejected; reasons in {rejects}"
        for table in report.tables
        if table.rejected
    ]


def _digest(plan: ImportPlan) -> str:
    parts: list[object] = [
        _FORM,
        dict(plan.mapping),
        plan.like_threshold,
        plan.implicit,
        plan.fill_missing,
        plan.domain,
    ]
    tables = (plan.items, plan.users, plan.interactions)
    parts += [None if table is None else _stamp(table) for table in tables]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def _stamp(table: Table) -> list[str]:
    if not isinstance(table, OnDisk):
        raise TypeError(f"{table.name} is no file, so there is nothing to keep it by")
    # How it is read counts too: its type and options, without the place.
    options = repr(table).replace(repr(table.path), "")
    return [options, digest_file(table.path)]
