"""One consistent copy of what cannot be made again: the record and the promoted adapters.

Not in it: the index, which is built from the record; models, which are prepared again; and keys.json, so that a restore
brings no revoked key back and whoever gets hold of a backup has no digest of a key.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from sqlalchemy.engine import make_url

from ranking.registry import ADAPTERS
from retrieval.errors import EmptyStoreError, InputError, StoreError, one_line
from retrieval.lock import acquire
from retrieval.record.copying import copy_record
from service.backup.archive import RECORD, Manifest, check_name, facts_of, pack

_WAIT_S = 30.0


def back_up(home: Path, record_url: str | None, target: Path) -> Manifest:
    """Writes a backup while everything goes on running, and says what it holds.

    The record is copied as of one moment; one in PostgreSQL becomes the same SQLite file in the archive. Raises
    InputError for a target that is there already or has no name of a backup; EmptyStoreError where there is no record;
    StoreError.
    """
    check_name(target)
    if target.exists():
        raise InputError(f"{target} is there already; name a new file")
    record = place_of(home, record_url)
    if isinstance(record, Path) and not record.is_file():
        raise EmptyStoreError(f"there is nothing to back up: no record at {record}")
    try:
        with tempfile.TemporaryDirectory(prefix=".fewrec-backup-", dir=target.absolute().parent) as made:
            folder = Path(made)
            copy_file(record, folder / RECORD)
            _copy_adapters(home / ADAPTERS, folder / ADAPTERS)
            manifest = _manifest(folder)
            pack(target, manifest, folder)
    except OSError as error:
        raise StoreError(f"the backup {target} cannot be written: {error.strerror or error}") from error
    return manifest


def place_of(home: Path, record_url: str | None) -> Path | str:
    """Where the record is: a file, or the URL of a server. Raises InputError for an SQLite URL that names no file."""
    if record_url is None:
        return home / RECORD
    if "://" not in record_url:
        return Path(record_url).expanduser()
    url = make_url(record_url)
    if url.get_backend_name() != "sqlite":
        return record_url
    if not url.database or url.database.startswith("file:"):
        raise InputError("the record is not a plain SQLite file; name it by its path")
    return Path(url.database)


def adapter_lock(folder: Path) -> Path:
    """The file by which the registry keeps others out."""
    return folder / ".lock"


def copy_file(record: Path | str, target: Path) -> None:
    """Writes a record as one SQLite file. Raises StoreError."""
    if isinstance(record, str):
        copy_record(record, str(target))
        with closing(sqlite3.connect(target)) as copy:
            copy.execute("PRAGMA journal_mode=DELETE")
        return
    try:
        with closing(sqlite3.connect(record, timeout=_WAIT_S)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
            # Everything in the one file, none in a log beside it.
            copy.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise StoreError(f"record {record} cannot be copied: {one_line(error)}") from error


def _copy_adapters(folder: Path, target: Path) -> None:
    if not folder.is_dir():
        return
    lock = acquire(adapter_lock(folder), busy=f"another process is changing {folder}; try again", timeout=_WAIT_S)
    try:
        shutil.copytree(folder, target, symlinks=True, ignore=shutil.ignore_patterns(".*"))
    finally:
        lock.release()


def _manifest(folder: Path) -> Manifest:
    files = sorted(file for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
    with closing(sqlite3.connect(folder / RECORD)) as copy:
        count = {
            table: int(copy.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - names of ours
            for table in ("items", "users", "interactions")
        }
    return Manifest(
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        fewrec=metadata.version("fewrec"),
        files={file.relative_to(folder).as_posix(): facts_of(file) for file in files},
        **count,
    )
