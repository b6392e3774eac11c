"""The work folder of a batch: its plan, its users, and the parts that are done. A killed batch goes on from there."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import orjson

from retrieval.closing import Closing
from retrieval.errors import InputError
from retrieval.files import write_whole
from retrieval.importing.importer import Rejects
from retrieval.lock import acquire
from service.batch.lists import join_parts, rejected_in
from service.batch.users import Listed

_PLAN, _USERS, _LOCK = "plan.json", "users.db", ".lock"
_TABLES = """
CREATE TABLE users (place INTEGER PRIMARY KEY, user_id TEXT NOT NULL UNIQUE, line INTEGER NOT NULL);
CREATE TABLE rejected (line INTEGER NOT NULL, user_id TEXT NOT NULL, reason TEXT NOT NULL);
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What is to be done, fixed when it began."""

    digests: Mapping[str, str]
    """By what it depends on; a batch goes on only with the same ones."""
    as_of: float
    """The moment of every list, in Unix seconds: nothing later is used."""
    n_users: int
    users_a_part: int

    @property
    def n_parts(self) -> int:
        """How many parts the users make."""
        return -(-self.n_users // self.users_a_part)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a finished batch wrote."""

    rows: int
    users: int
    """With a list."""
    rejected: int
    rejects: Path | None
    """File with the rejected users and reasons; None if there are none."""


class Work(Closing):
    """An open work folder, `OUTPUT.work` beside the output, locked for this process. A context manager."""

    def __init__(self, output: Path) -> None:
        """Raises StoreBusyError while another process works in it."""
        self.output = output
        self.folder = output.with_name(f"{output.name}.work")
        self._lock = acquire(
            self.folder / _LOCK, busy=f"another process is working in {self.folder}; wait for it to end"
        )

    def close(self) -> None:
        """Lets the folder go."""
        self._lock.release()

    def plan(self) -> Plan | None:
        """The plan that was begun; None where none was."""
        try:
            return Plan(**orjson.loads((self.folder / _PLAN).read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f"{self.folder / _PLAN} cannot be read; remove {self.folder} to begin anew") from error

    def clear(self) -> None:
        """Forgets what was begun."""
        for path in self.folder.iterdir():
            if path.name == _LOCK:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()

    def begin(self, users: Iterable[Listed], *, digests: Mapping[str, str], as_of: float, users_a_part: int) -> Plan:
        """Keeps the users, each once, and then the plan. Raises InputError where not one user is left."""
        self.clear()
        with closing(sqlite3.connect(self.folder / _USERS)) as kept:
            kept.executescript(_TABLES)
            for one in users:
                reason = one.reason or (None if _insert(kept, one) else "listed before")
                if reason is not None:
                    kept.execute("INSERT INTO rejected VALUES (?, ?, ?)", (one.line, one.user_id, reason))
            kept.commit()
            [(n_users,)] = kept.execute("SELECT count(*) FROM users")
            if n_users == 0:
                first = kept.execute("SELECT reason FROM rejected ORDER BY rowid LIMIT 1").fetchone()
                raise InputError(f"no user to recommend to; {'the list is empty' if first is None else first[0]}")
        plan = Plan(digests=dict(digests), as_of=as_of, n_users=n_users, users_a_part=users_a_part)
        write_whole(self.folder / _PLAN, orjson.dumps(plan))
        return plan

    def pending(self, plan: Plan) -> list[int]:
        """Numbers of the parts that are not there yet."""
        there = {path.name for path in self.folder.glob("part-*.parquet")}
        return [number for number in range(plan.n_parts) if self._part(number).name not in there]

    def users_of(self, plan: Plan, parts: Iterable[int]) -> Generator[tuple[int, list[Listed]]]:
        """Each part's number with its users, in order; to be closed by the thread that reads it."""
        with closing(sqlite3.connect(self.folder / _USERS)) as kept:
            for number in parts:
                first = number * plan.users_a_part + 1
                rows = kept.execute(
                    "SELECT line, user_id FROM users WHERE place BETWEEN ? AND ? ORDER BY place",
                    (first, first + plan.users_a_part - 1),
                )
                yield number, [Listed(line=line, user_id=user_id) for line, user_id in rows]

    def keep(self, number: int, content: bytes) -> None:
        """Stores a part; after a crash it is there whole or not at all."""
        write_whole(self._part(number), content)

    def finish(self, plan: Plan, source: str) -> Outcome:
        """Puts the output and the rejects in their places, the output in one step, and removes the folder.

        `source` is what the rejects call the list of users.
        """
        parts = [self._part(number) for number in range(plan.n_parts)]
        draft = self.folder / "output.parquet"
        with draft.open("wb") as file:
            rows = join_parts(parts, file)
            file.flush()
            os.fsync(file.fileno())
        kept = Rejects(path=self.output.with_name(f"{self.output.name}.rejects.jsonl"))
        n_rejected = n_unserved = 0
        for one in self._rejected_at_first():
            n_rejected += 1
            kept.add(source, one.line, one.reason or "", one.user_id)
        for part in parts:
            for one in rejected_in(part):
                n_unserved += 1
                kept.add(source, one.line, one.reason or "", one.user_id)
        rejects = kept.finish()
        draft.replace(self.output)
        shutil.rmtree(self.folder, ignore_errors=True)
        served = plan.n_users - n_unserved
        return Outcome(rows=rows, users=served, rejected=n_rejected + n_unserved, rejects=rejects)

    def _part(self, number: int) -> Path:
        return self.folder / f"part-{number:08d}.parquet"

    def _rejected_at_first(self) -> Iterator[Listed]:
        with closing(sqlite3.connect(self.folder / _USERS)) as kept:
            for line, user_id, reason in kept.execute("SELECT line, user_id, reason FROM rejected ORDER BY rowid"):
                yield Listed(line=line, user_id=user_id, reason=reason)


def _insert(kept: sqlite3.Connection, one: Listed) -> bool:
    """Whether the user was not there yet."""
    found = kept.execute("INSERT OR IGNORE INTO users (user_id, line) VALUES (?, ?)", (one.user_id, one.line))
    return found.rowcount == 1
