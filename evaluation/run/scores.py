"""A cache of model scores on disk: what was once computed is not computed again, in whichever run it is asked for.

A key is the SHA-256 of everything that the score depends on; it is the caller's task to leave nothing out. Values are
bytes. Losing the file loses time, never results.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from evaluation.errors import RunFolderError
from retrieval.closing import Closing

FILE_NAME = "scores.sqlite"
_PER_QUERY = 500
_WAIT_S = 60.0


class ScoreCache(Closing):
    """Bytes by key in an SQLite file. Several processes may use the same file; a put is kept once it returns."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # isolation_level None: transactions begin where we say so, which lets two processes take turns.
            self._connection = sqlite3.connect(
                self.path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False
            )
        except (OSError, sqlite3.Error) as error:
            raise RunFolderError(f"cannot open the score cache {self.path}: {error}") from error
        try:
            # Only one process at a time can switch a new file to write-ahead logging.
            with FileLock(self.path.with_suffix(".lock"), timeout=_WAIT_S), self._told():
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute("PRAGMA synchronous = NORMAL")
                self._connection.execute(
                    "CREATE TABLE IF NOT EXISTS scores (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"
                )
        except RunFolderError:
            self._connection.close()
            raise
        except (OSError, Timeout) as error:
            self._connection.close()
            raise RunFolderError(f"cannot lock the score cache {self.path}: {error}") from error

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The stored values by key; keys that are not stored are absent."""
        found: dict[str, bytes] = {}
        with self._told():
            for start in range(0, len(keys), _PER_QUERY):
                part = keys[start : start + _PER_QUERY]
                marks = ",".join("?" * len(part))
                # Only question marks are put into the text.
                rows = self._connection.execute(f"SELECT key, value FROM scores WHERE key IN ({marks})", part)  # noqa: S608
                found.update(rows)
        return found

    def put_many(self, values: Mapping[str, bytes]) -> None:
        """Stores all values or none; a key that is stored already keeps its value, which is the same by definition."""
        if not values:
            return
        with self._told():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany(
                    "INSERT INTO scores VALUES (?, ?) ON CONFLICT (key) DO NOTHING", values.items()
                )
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Closes the file. Closing twice is allowed."""
        self._connection.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise RunFolderError(
                f"the score cache {self.path} cannot be used: {error}. Free disk space if it is full; a damaged file "
                "may be deleted, its scores are then computed again"
            ) from error
