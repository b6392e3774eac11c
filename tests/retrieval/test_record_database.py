from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

import retrieval.record.migrations
from retrieval.errors import InputError, StoreError
from retrieval.record import Record
from retrieval.record.database import HEAD
from retrieval.record.schema import METADATA
from retrieval.types import User
from tests.retrieval.records import item


def test_migrations_make_the_schema_that_the_code_uses(tmp_path: Path) -> None:
    Record.open(str(tmp_path / "r.db")).close()
    engine = create_engine(f"sqlite:///{tmp_path / 'r.db'}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    engine.dispose()


def test_the_newest_migration_is_the_one_the_code_expects() -> None:
    (folder,) = retrieval.record.migrations.__path__
    assert ScriptDirectory(folder).get_heads() == [HEAD]


def test_a_record_of_a_newer_schema_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "r.db"
    Record.open(str(place)).close()
    with sqlite3.connect(place) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StoreError, match=r"newer FewRec.*9999.*Upgrade"):
        Record.open(str(place))


def test_a_record_keeps_its_identity_and_rows(tmp_path: Path, record_url: str) -> None:
    first = Record.open(record_url)
    identity = first.record_id()
    first.put_users([User(user_id="u")])
    first.close()
    again = Record.open(record_url)
    assert again.record_id() == identity
    assert again.user("u") == User(user_id="u")
    again.close()


def test_sqlite_settings_are_the_safe_ones(tmp_path: Path) -> None:
    place = tmp_path / "r.db"
    record = Record.open(f"sqlite:///{place}")
    with sqlite3.connect(place) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
    record.close()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite://", "must be a file"),
        ("mysql://x/y", "MySQLdb|only sqlite and postgresql"),
        ("nonsense://x", "cannot be used"),
        ("sqlite:///", "must be a file"),
    ],
)
def test_urls_that_cannot_be_used(url: str, says: str) -> None:
    with pytest.raises(StoreError, match=says):
        Record.open(url)


def test_a_server_that_is_down_is_named_without_its_password() -> None:
    with pytest.raises(StoreError, match="Check that the PostgreSQL server runs") as caught:
        Record.open("postgresql://somebody:secret@127.0.0.1:9/db")
    assert "secret" not in str(caught.value)


def test_a_home_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match="set FEWREC_HOME"):
        Record.open(str(tmp_path / "file" / "home" / "r.db"))


def test_a_read_only_record_says_what_to_do(tmp_path: Path) -> None:
    place = tmp_path / "r.db"
    Record.open(str(place)).close()
    with sqlite3.connect(place) as connection:
        # Without write-ahead log, as on a medium that was made read-only after a copy.
        connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()
    place.chmod(stat.S_IREAD)
    with pytest.raises(StoreError, match="Make the file and its folder writable, or set FEWREC_HOME"):
        Record.open(f"sqlite:///file:{place}?mode=ro&uri=true").put_items([item("a")])


def test_a_file_that_is_no_database_says_so(tmp_path: Path) -> None:
    (tmp_path / "r.db").write_text("this is a letter, not a database " * 40)
    with pytest.raises(StoreError, match="restore a backup"):
        Record.open(str(tmp_path / "r.db"))


def test_damaged_attributes_are_reported(tmp_path: Path) -> None:
    record = Record.open(str(tmp_path / "r.db"))
    record.put_items([item("a")])
    engine = create_engine(f"sqlite:///{tmp_path / 'r.db'}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE items SET attributes = '{broken'"))
    engine.dispose()
    with pytest.raises(StoreError, match=r"no JSON.*import that row again"):
        record.items(["a"])
    record.close()


def test_asking_for_an_impossible_id_is_an_input_error(record: Record) -> None:
    with pytest.raises(InputError, match="not valid Unicode"):
        record.user("\ud800")
