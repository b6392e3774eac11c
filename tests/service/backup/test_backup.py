from __future__ import annotations

import gzip
import io
import os
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from typer.testing import CliRunner

from ranking.registry import ADAPTERS, HISTORY
from retrieval.errors import ConflictError, EmptyStoreError, InputError, StoreError
from retrieval.record import Record
from retrieval.record.types import Feedback
from retrieval.store import open_store
from retrieval.types import Interaction, Item, User
from service.backup.archive import RECORD, FileFacts, Manifest, facts_of, pack, unpack
from service.backup.backup import back_up, place_of
from service.backup.restore import restore
from service.cli.main import app
from service.exit_codes import ExitCode
from tests.fakes import HashingEmbedder

A, B = Item(item_id="a", title="Alien"), Item(item_id="b", title="Brazil")


def write_record(home: Path, *items: Item) -> Path:
    record = Record.open(str(home / RECORD))
    record.put_items(items)
    record.put_users([User(user_id="ann")])
    record.put_interactions([Interaction(user_id="ann", item_id=items[0].item_id, timestamp=1.0)])
    record.close()
    return home / RECORD


def write_adapter(home: Path, label: str, weights: str) -> None:
    folder = home / ADAPTERS / label
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights").write_text(weights, encoding="utf-8")
    with (home / ADAPTERS / HISTORY).open("a", encoding="utf-8") as history:
        history.write(f"{label}\n")


def titles(home: Path) -> list[str]:
    record = Record.open(str(home / RECORD))
    try:
        return [item.title for item in record.pages().items(None, 10)]
    finally:
        record.close()


@pytest.mark.parametrize("ending", ["tar.gz", "tar.zst"])
def test_what_was_backed_up_comes_back(tmp_path: Path, ending: str) -> None:
    home, other, file = tmp_path / "home", tmp_path / "other", tmp_path / f"b.{ending}"
    write_record(home, A, B)
    write_adapter(home, "x@1", "weights")
    (home / "keys.json").write_text("{}", encoding="utf-8")
    made = back_up(home, None, file)
    assert (made.items, made.users, made.interactions) == (2, 1, 1)
    assert set(made.files) == {RECORD, f"{ADAPTERS}/{HISTORY}", f"{ADAPTERS}/x@1/weights"}
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == [file.name, "home"]

    record = Record.open(str(other / RECORD))
    record.close()
    done = restore(other, other / RECORD, file, discard_newer=False)
    assert done.undone.told is None
    assert titles(other) == ["Alien", "Brazil"]
    assert (other / ADAPTERS / "x@1" / "weights").read_text(encoding="utf-8") == "weights"
    (other / ".restore-killed").mkdir()
    again = restore(other, other / RECORD, file, discard_newer=False)
    assert again.undone.told is None
    assert not [path for path in other.iterdir() if path.name.startswith(".restore")]


def test_a_backup_is_of_one_moment_while_others_write(tmp_path: Path) -> None:
    write_record(tmp_path, A)
    with closing(sqlite3.connect(tmp_path / RECORD, isolation_level=None)) as writing:
        writing.execute("BEGIN IMMEDIATE")
        writing.execute("UPDATE items SET title = 'half done'")
        back_up(tmp_path, None, tmp_path / "b.tar.gz")
        writing.execute("COMMIT")
    assert titles(tmp_path) == ["half done"]
    restore(tmp_path, tmp_path / RECORD, tmp_path / "b.tar.gz", discard_newer=True)
    assert titles(tmp_path) == ["Alien"]


def test_newer_data_is_lost_only_knowingly_and_told(tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "b.tar.zst"
    write_record(home, A, B)
    write_adapter(home, "x@1", "old")
    back_up(home, None, file)
    record = Record.open(str(home / RECORD))
    record.put_items([Item(item_id="a", title="Aliens"), Item(item_id="c", title="Casino")])
    record.delete_items(["b"])
    record.feedback().give(
        Feedback(
            feedback_id="f",
            user_id="ann",
            item_id="a",
            kind="click",
            timestamp=1,
        )
    )
    record.close()
    write_adapter(home, "x@1", "new")

    with pytest.raises(ConflictError, match="--discard-newer") as refusal:
        restore(home, home / RECORD, file, discard_newer=False)
    told = "items: 1 added, 1 changed, 1 deleted; feedback: 1 added; promotions of adapters: 1"
    assert told in str(refusal.value)
    assert titles(home) == ["Aliens", "Casino"]

    done = restore(home, home / RECORD, file, discard_newer=True)
    assert done.undone.told == told
    assert titles(home) == ["Alien", "Brazil"]
    assert (home / ADAPTERS / "x@1" / "weights").read_text(encoding="utf-8") == "old"
    assert (home / ADAPTERS / HISTORY).read_text(encoding="utf-8") == "x@1\n"


def test_a_deletion_alone_is_newer_too(tmp_path: Path) -> None:
    write_record(tmp_path, A, B)
    back_up(tmp_path, None, tmp_path / "b.tar.gz")
    record = Record.open(str(tmp_path / RECORD))
    record.delete_items(["b"])
    record.close()
    with pytest.raises(ConflictError, match="items: 1 deleted"):
        restore(tmp_path, tmp_path / RECORD, tmp_path / "b.tar.gz", discard_newer=False)


def test_an_index_of_before_is_refused_until_it_is_rebuilt(tmp_path: Path) -> None:
    write_record(tmp_path, A, B)
    with open_store(home=tmp_path, record_url=None, index_url=None, embedder=HashingEmbedder()) as store:
        store.catch_up()
        back_up(tmp_path, None, tmp_path / "b.tar.gz")
        store.record.put_items([Item(item_id="c", title="Casino")])
        store.catch_up()
        restore(tmp_path, tmp_path / RECORD, tmp_path / "b.tar.gz", discard_newer=True)
        for year in range(3):  # by its number the record's version would be the index's again
            store.record.put_items([Item(item_id="d", title=f"Dune {year}")])
        with pytest.raises(StoreError, match="index rebuild"):
            store.catch_up()
        store.rebuild()
        assert store.status().whole
        assert store.status().index.items == 3


def archive(file: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(file, "w:gz") as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return file


def member(name: str, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, "/etc/passwd"
    return made


def manifest_for(*names: str) -> bytes:
    facts = {
        name: FileFacts(bytes=1, sha256="2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881")
        for name in names
    }
    return (
        Manifest.model_construct(made_at="", fewrec="", items=0, users=0, interactions=0, files=facts)
        .model_dump_json()
        .encode()
    )


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "adapters/../../x",
        "/etc/x",
        "adapters//x",
        "adapters/./x",
        "adapters\\x",
        "adapters/a\\..\\x",
        "C:x",
        "x",
    ],
)
def test_no_path_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    told = manifest_for(RECORD, name)
    file = archive(
        tmp_path / "evil.tar.gz", (member("manifest.json"), told), (member(RECORD), b"x"), (member(name), b"x")
    )
    (tmp_path / "into").mkdir()
    with pytest.raises(InputError, match="outside the home folder"):
        unpack(file, tmp_path / "into")
    assert list((tmp_path / "into").iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["evil.tar.gz", "into"]


@given(name=st.text(max_size=20) | st.lists(st.sampled_from(["..", ".", "/", "a", "adapters/", "\\"])).map("".join))
def test_names_that_pass_lie_below_the_folder(name: str) -> None:
    try:
        Manifest(
            made_at="",
            fewrec="",
            items=0,
            users=0,
            interactions=0,
            files={one: FileFacts(bytes=0, sha256="") for one in (RECORD, name)},
        )
    except ValidationError:
        return
    assert os.path.normpath(f"/home/{name}") == f"/home/{name}"
    assert name == RECORD or name.startswith("adapters/")


@pytest.mark.parametrize(
    "members",
    [
        [],
        [(member(RECORD), b"x")],
        [(member("manifest.json"), b"{")],
        [(member("manifest.json", tarfile.SYMTYPE), b"")],
        [(member("manifest.json"), manifest_for(RECORD))],
        [(member("manifest.json"), manifest_for(RECORD)), (member(RECORD, tarfile.SYMTYPE), b"")],
        [(member("manifest.json"), manifest_for(RECORD)), (member(RECORD, tarfile.LNKTYPE), b"")],
        [(member("manifest.json"), manifest_for(RECORD)), (member(RECORD), b"x"), (member(RECORD), b"x")],
        [(member("manifest.json"), manifest_for(RECORD)), (member(RECORD), b"x"), (member("../x"), b"x")],
        [(member("manifest.json"), manifest_for(RECORD)), (member(RECORD), b"xy")],
        [(member("manifest.json"), manifest_for(RECORD)), (member(RECORD), b"y")],
        [(member("manifest.json"), manifest_for("adapters/x")), (member("adapters/x"), b"x")],
    ],
)
def test_other_archives_are_refused(tmp_path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    (tmp_path / "into").mkdir()
    with pytest.raises(InputError, match="cannot be used"):
        unpack(archive(tmp_path / "b.tar.gz", *members), tmp_path / "into")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_nothing_but_plain_files_is_taken(tmp_path: Path, kind: bytes) -> None:
    told = manifest_for(RECORD).replace(b'"bytes":1', b'"bytes":0')
    file = archive(tmp_path / "b.tar.gz", (member("manifest.json"), told), (member(RECORD, kind), b""))
    with pytest.raises(InputError, match="does not belong"):
        unpack(file, tmp_path / "into")
    assert not (tmp_path / "into").exists()


@pytest.mark.parametrize("ending", ["tar.gz", "tar.zst"])
def test_a_file_that_breaks_off_changes_nothing(tmp_path: Path, ending: str) -> None:
    home, file = tmp_path / "home", tmp_path / f"b.{ending}"
    write_record(home, A)
    back_up(home, None, file)
    whole = file.read_bytes()
    for cut in (0, 10, len(whole) // 2, len(whole) - 600):
        file.write_bytes(whole[:cut])
        with pytest.raises(InputError):
            restore(home, home / RECORD, file, discard_newer=True)
    damaged = gzip.compress(b"x" * 2000) if ending == "tar.gz" else zstandard.compress(b"x" * 2000)
    file.write_bytes(damaged)
    with pytest.raises(InputError, match="cannot be used"):
        restore(home, home / RECORD, file, discard_newer=True)
    assert titles(home) == ["Alien"]


def test_a_record_that_is_none_is_refused(tmp_path: Path) -> None:
    saved, home = tmp_path / "saved", tmp_path / "home"
    saved.mkdir()
    write_record(home, A)
    (saved / RECORD).write_bytes(b"no database at all" * 100)
    facts = facts_of(saved / RECORD)
    made = Manifest(made_at="", fewrec="", items=0, users=0, interactions=0, files={RECORD: facts})
    pack(tmp_path / "b.tar.gz", made, saved)
    with pytest.raises(InputError, match="nothing was changed"):
        restore(home, home / RECORD, tmp_path / "b.tar.gz", discard_newer=True)
    assert titles(home) == ["Alien"]
    with pytest.raises(StoreError, match="cannot be copied"):
        back_up(saved, None, tmp_path / "c.tar.gz")


def test_where_the_record_is(tmp_path: Path) -> None:
    assert place_of(tmp_path, None) == tmp_path / RECORD
    assert place_of(tmp_path, "x.db") == Path("x.db")
    assert place_of(tmp_path, "sqlite:////data/x.db") == Path("/data/x.db")
    assert place_of(tmp_path, "postgresql://server/fewrec") == "postgresql://server/fewrec"
    with pytest.raises(InputError, match="by its path"):
        place_of(tmp_path, "sqlite:///file:x.db?uri=true")


def test_a_record_in_postgresql_is_backed_up_and_moves_to_and_from_sqlite(tmp_path: Path, postgres_url: str) -> None:
    home, other, file = tmp_path / "home", tmp_path / "other", tmp_path / "b.tar.zst"
    write_record(home, A)
    back_up(home, None, file)
    moved = restore(other, postgres_url, file, discard_newer=False)
    assert (moved.manifest.items, moved.undone.told) == (1, None)

    record = Record.open(postgres_url)
    record.put_items([B])
    identity = record.record_id()
    record.close()
    with pytest.raises(ConflictError, match="items: 1 added"):
        restore(other, postgres_url, file, discard_newer=False)
    assert back_up(other, postgres_url, tmp_path / "p.tar.zst").items == 2

    done = restore(other, postgres_url, file, discard_newer=True)
    assert done.undone.told == "items: 1 added"
    record = Record.open(postgres_url)
    assert [item.title for item in record.iter_items()] == ["Alien"]
    assert len(record.history("ann")) == 1
    assert record.record_id() != identity, "an index of before is refused"
    record.close()

    back = tmp_path / "back"
    Record.open(str(back / RECORD)).close()
    restore(back, back / RECORD, tmp_path / "p.tar.zst", discard_newer=False)
    assert titles(back) == ["Alien", "Brazil"]


def test_what_cannot_be_backed_up_is_told(tmp_path: Path) -> None:
    with pytest.raises(EmptyStoreError, match="nothing to back up"):
        back_up(tmp_path, None, tmp_path / "b.tar.gz")
    with pytest.raises(InputError, match=r"\.tar\.zst"):
        back_up(tmp_path, None, tmp_path / "b.zip")
    (tmp_path / "b.tar.gz").touch()
    with pytest.raises(InputError, match="is there already"):
        back_up(tmp_path, None, tmp_path / "b.tar.gz")
    write_record(tmp_path, A)
    with pytest.raises(StoreError, match="cannot be written"):
        back_up(tmp_path, None, tmp_path / "nowhere" / "c.tar.gz")


def test_the_commands(own_folders: Path, tmp_path: Path) -> None:
    file = str(tmp_path / "b.tar.zst")
    record = Record.open(str(own_folders / RECORD))  # users only: nothing that a model would have to embed
    record.put_users([User(user_id="ann"), User(user_id="bob")])
    assert "0 items, 2 users" in CliRunner().invoke(app, ["backup", file]).stdout
    record.delete_users(["bob"])
    record.close()

    refused = CliRunner().invoke(app, ["restore", file])
    assert refused.exit_code == ExitCode.FAILURE
    assert "users: 1 deleted" in refused.stderr
    done = CliRunner().invoke(app, ["restore", file, "--discard-newer"])
    assert done.exit_code == ExitCode.OK, done.output
    assert "Undone: users: 1 deleted" in done.stdout
    assert "erase them again" in done.stderr
    assert CliRunner().invoke(app, ["index", "status"]).exit_code == ExitCode.OK
