"""Opening the record's database: engine, transactions, migrations, and errors that say what to do."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Engine, create_engine, event, insert, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError

from retrieval.config import QuotaSettings
from retrieval.errors import InputError, StoreError, one_line
from retrieval.record.schema import STATE

HEAD = "0007"
"""Newest migration. Kept here so that a start on an up-to-date record need not load Alembic (a test compares)."""

BUSY_TIMEOUT_MS = 30_000


class Database:
    """An engine with a read and a write transaction. Thread-safe; writers wait for each other."""

    def __init__(self, engine: Engine, quota: QuotaSettings | None = None) -> None:
        self._engine = engine
        self.quota = quota or QuotaSettings()
        self.place = engine.url.render_as_string(hide_password=True)

    @classmethod
    def open(cls, url: str, quota: QuotaSettings | None = None) -> Database:
        """Connect and migrate. `url` is an SQLAlchemy URL or a path of an SQLite file. Raises StoreError.

        Writes that would pass the quota raise QuotaError and change nothing.
        """
        parsed = _parse(url)
        if parsed.get_backend_name() == "sqlite":
            _make_folder(parsed)
            engine = create_engine(parsed)
            _prepare_sqlite(engine)
        elif parsed.get_backend_name() == "postgresql":
            engine = create_engine(parsed, pool_pre_ping=True)
        else:
            raise StoreError(f"Record {url!r}: only sqlite and postgresql are supported.")
        database = cls(engine, quota)
        try:
            database._migrate()
        except BaseException:
            engine.dispose()
            raise
        return database

    @property
    def dialect(self) -> str:
        """SQLAlchemy's name of the database: "sqlite" or "postgresql"."""
        return self._engine.dialect.name

    @contextmanager
    def read(self) -> Generator[Connection]:
        """A transaction that sees one state of the record from start to end."""
        with self._explained(), self._engine.connect() as connection:
            if self.dialect == "postgresql":
                # Sets the option on this connection itself.
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def write(self) -> Generator[Connection]:
        """A write transaction; committed when the block ends without an error."""
        with self._explained(), self._engine.connect() as connection:
            connection.execution_options(fewrec_write=True, fewrec_quota=self.quota)
            with connection.begin():
                yield connection

    def checkpoint(self) -> bool:
        """Bring an SQLite write-ahead log home and empty it; whether that worked, which a long reader can prevent."""
        if self.dialect != "sqlite":
            return True
        with self._explained(), self._engine.connect() as connection:
            raw = connection.connection.cursor()  # outside of a transaction, which SQLAlchemy would begin
            try:
                busy, *_ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                raw.close()
        return not busy

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def _explained(self) -> Generator[None]:
        try:
            yield
        except IntegrityError:
            raise
        except UnicodeEncodeError as error:
            raise InputError(f"{error.object[:60]!r} is not valid Unicode text ({error.reason}).") from error
        except DBAPIError as error:
            raise StoreError(_explain(self.place, str(error.orig))) from error

    def _migrate(self) -> None:
        with self.read() as connection:
            if _revision(connection) == HEAD:
                return
        with self.write() as connection:
            if self.dialect == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(7306915)"))
            found = _revision(connection)
            if found == HEAD:
                return
            _upgrade(connection, self.place, found)
            if connection.scalar(select(STATE.c.id)) is None:
                row = {"id": 1, "record_id": uuid4().hex, "version": 0, "demonstrations_of": 0}
                connection.execute(insert(STATE), row)


def _parse(url: str) -> URL:
    if "://" not in url:
        return URL.create("sqlite", database=str(Path(url).expanduser()))
    try:
        parsed = make_url(url)
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        parsed.get_dialect()
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise StoreError(f"Record URL {url!r} cannot be used ({error}). Example: sqlite:///fewrec.db") from error
    return parsed


def _make_folder(url: URL) -> None:
    if not url.database or url.database == ":memory:":
        raise StoreError("The record must be a file: an in-memory database would be lost. Example: sqlite:///fewrec.db")
    if url.database.startswith("file:"):
        return
    folder = Path(url.database).absolute().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"Folder {folder} cannot be made ({error.strerror}). Choose a writable folder: set FEWREC_HOME."
        ) from error


def _prepare_sqlite(engine: Engine) -> None:
    # The driver's own transaction handling starts them late and only before writes; BEGIN is sent by us instead,
    # so that reads are consistent and two writers wait in line instead of failing half-way with "locked".
    @event.listens_for(engine, "connect")
    def _connect(dbapi_connection: Any, _: Any) -> None:
        dbapi_connection.isolation_level = None
        cursor = dbapi_connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        # What is deleted is overwritten with zeros: an erased user is in no free page of the file.
        cursor.execute("PRAGMA secure_delete=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("fewrec_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return None if found is None else str(found)


def _upgrade(connection: Connection, place: str, found: str | None) -> None:
    from alembic import command  # slow to import and needed on the first start only
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise StoreError(
            f"Record {place} was written by a newer FewRec (schema {found}, this one knows {HEAD}). Upgrade FewRec."
        )
    command.upgrade(config, "head")


def _explain(place: str, problem: str) -> str:
    problem = one_line(problem)
    lowered = problem.lower()
    if "readonly" in lowered or "read-only" in lowered or "unable to open" in lowered:
        advice = "Make the file and its folder writable, or set FEWREC_HOME to another folder."
    elif "locked" in lowered:
        advice = "Another process is writing to it for a long time: wait, or end that process."
    elif "full" in lowered:
        advice = "Free some space on the disk and try again; nothing acknowledged is lost."
    elif "malformed" in lowered or "not a database" in lowered:
        advice = "The file is damaged or is no SQLite file: restore a backup, or move it away and import again."
    elif place.startswith("postgresql"):
        advice = "Check that the PostgreSQL server runs and that the URL is right."
    else:
        advice = "Check the file and the free disk space, then try again."
    return f"Record {place}: {problem}. {advice}"
