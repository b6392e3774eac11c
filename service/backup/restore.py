"""A backup becomes the store again.

Everything is unpacked, checked and migrated beside the store before anything of it is touched. Then adapters are put
beside those that are there, the record is exchanged in one transaction of SQLite, and the history of promotions is
replaced at once. Broken off in between, the store serves what it served before, or the restored record; restoring
again finishes it.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from ranking.registry import ADAPTERS, HISTORY
from retrieval.errors import ConflictError, InputError, StoreError, one_line
from retrieval.files import write_whole
from retrieval.lock import acquire
from retrieval.record import Record
from retrieval.record.copying import copy_record
from service.backup.archive import RECORD, Manifest, facts_of, unpack
from service.backup.backup import adapter_lock, copy_file
from service.backup.differences import Differences, compare

_WAIT_S = 30.0
_DRAFT = ".restore-"
_CURRENT = "current.db"


@dataclass(frozen=True, kw_only=True, slots=True)
class Restored:
    """What is in the store now, and what is not any more."""

    manifest: Manifest
    undone: Differences


def restore(home: Path, record: Path | str, file: Path, *, discard_newer: bool) -> Restored:
    """Puts a backup in the place of the record and of the promoted adapters; the index is to be rebuilt afterwards.

    The caller holds the store, so that no service serves from it. `record` is its SQLite file or its server's URL, of
    the newest schema; the archive may come from the other kind. The restored record has a new identity: an index that
    was built before fits it no more and is refused. Raises ConflictError where something newer would be lost, unless
    that is wanted; InputError for a file that cannot be used.
    """
    home.mkdir(parents=True, exist_ok=True)
    for leftover in home.glob(f"{_DRAFT}*"):  # of one that was killed
        shutil.rmtree(leftover)
    with tempfile.TemporaryDirectory(prefix=_DRAFT, dir=home) as made:
        folder = Path(made)
        manifest = unpack(file, folder)
        _prepare(folder / RECORD, file)
        current = record
        if isinstance(current, str):
            copy_file(current, folder / _CURRENT)
            current = folder / _CURRENT
        undone = compare(current, folder / RECORD, _history(home / ADAPTERS), _history(folder / ADAPTERS))
        if undone.told is not None and not discard_newer:
            raise ConflictError(
                f"since this backup ({manifest.made_at}) something changed that would be undone: {undone.told}; to "
                "throw that away add --discard-newer"
            )
        lock = acquire(adapter_lock(home / ADAPTERS), busy="another process changes adapters", timeout=_WAIT_S)
        try:
            _place_adapters(folder / ADAPTERS, home / ADAPTERS, folder)
            _exchange(folder / RECORD, record)
            _exchange_history(folder / ADAPTERS / HISTORY, home / ADAPTERS / HISTORY)
        except OSError as error:
            raise StoreError(f"{home} cannot be written ({error.strerror or error}); restore again") from error
        finally:
            lock.release()
    return Restored(manifest=manifest, undone=undone)


def _prepare(copy: Path, file: Path) -> None:
    """Checks the record, brings it to the newest schema and gives it a new identity."""
    try:
        with closing(sqlite3.connect(copy)) as connection:
            if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise InputError(f"backup {file} cannot be used: its record is damaged; nothing was changed")
        Record.open(str(copy)).close()
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            connection.execute("UPDATE state SET record_id = ?", (uuid4().hex,))
            connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise InputError(f"backup {file} cannot be used: {one_line(error)}; nothing was changed") from error


def _place_adapters(saved: Path, adapters: Path, aside: Path) -> None:
    """Copies of the backup's adapters; one that is there under the same name and differs makes way."""
    for folder in sorted(saved.iterdir()) if saved.is_dir() else ():
        target = adapters / folder.name
        if not folder.is_dir() or _same(folder, target):
            continue
        if target.exists():
            target.rename(aside / f"old-{folder.name}")
        shutil.move(folder, target)


def _exchange(copy: Path, record: Path | str) -> None:
    if isinstance(record, str):
        copy_record(str(copy), record)
        return
    try:
        with closing(sqlite3.connect(copy)) as source, closing(sqlite3.connect(record, timeout=_WAIT_S)) as target:
            target.execute("PRAGMA synchronous=FULL")
            target.execute("PRAGMA secure_delete=ON")
            source.backup(target)  # all of it in one transaction of the target
            target.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise StoreError(f"record {record} cannot be written ({one_line(error)}); it is as it was") from error


def _exchange_history(saved: Path, current: Path) -> None:
    if saved.is_file():
        write_whole(current, saved.read_bytes())
    else:
        current.unlink(missing_ok=True)


def _history(folder: Path) -> bytes:
    file = folder / HISTORY
    return file.read_bytes() if file.is_file() else b""


def _same(one: Path, other: Path) -> bool:
    def facts(folder: Path) -> dict[str, object]:
        return {str(file.relative_to(folder)): facts_of(file) for file in folder.rglob("*") if file.is_file()}

    return other.is_dir() and facts(one) == facts(other)
