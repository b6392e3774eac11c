"""Archives from a server of our own: whole, damaged, missing, broken off, malicious."""

from __future__ import annotations

import hashlib
import io
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from retrieval.errors import InputError
from retrieval.importing.download import Archive, fetch


def packed(files: dict[str, str]) -> bytes:
    room = io.BytesIO()
    with zipfile.ZipFile(room, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return room.getvalue()


SET = packed({"set/u.data": "1\t2\t3\n" * 1000, "set/more/u.item": "a|b\n"})
EVIL = {name: packed({name: "x", "set/u.data": "y"}) for name in ("../evil", "/evil", "set/../../evil", "..\\evil")}


class Publisher(BaseHTTPRequestHandler):
    """Serves the archive whole, and in bad ways under other paths."""

    asked = 0

    def do_GET(self) -> None:
        """Answer by path."""
        type(self).asked += 1
        if self.path == "/nothing.zip":
            self.send_error(404)
            return
        body = EVIL.get(self.path.removeprefix("/?"), SET)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        half = self.path in {"/broken.zip", "/hanging.zip"}
        self.wfile.write(body[: len(body) // 2] if half else body)
        if self.path == "/hanging.zip":
            self.wfile.flush()
            self.rfile.read(1)  # until the client is gone

    def log_message(self, *_: object) -> None:
        """Tests stay quiet."""


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of a running server."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    Publisher.asked = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), Publisher) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        serving.join()


def archive(url: str, body: bytes = SET) -> Archive:
    return Archive(url=url, md5=hashlib.md5(body, usedforsecurity=False).hexdigest())


def test_an_archive_is_fetched_once_and_unpacked_without_its_own_folder(publisher: str, tmp_path: Path) -> None:
    for _ in range(2):
        folder = fetch("set", archive(f"{publisher}/set.zip"), tmp_path / "cache")
    assert folder == tmp_path / "cache" / "set"
    assert (folder / "u.data").read_text().count("\n") == 1000
    assert (folder / "more" / "u.item").is_file()
    assert Publisher.asked == 1
    assert not list(tmp_path.rglob("*.part"))


def test_a_wrong_checksum_is_refused(publisher: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has MD5 \w+, not 0000: damaged or changed; pass --data-dir"):
        fetch("set", Archive(url=f"{publisher}/set.zip", md5="0000"), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] in ([], ["set.lock"])


@pytest.mark.parametrize(
    ("path", "says"), [("nothing.zip", "404"), ("broken.zip", r"broke off after [\d,]+ of [\d,]+ bytes")]
)
def test_a_download_that_fails_names_the_way_round(publisher: str, tmp_path: Path, path: str, says: str) -> None:
    with pytest.raises(InputError, match=rf"cannot download set from .*{says}.*--data-dir FOLDER"):
        fetch("set", archive(f"{publisher}/{path}"), tmp_path)
    assert not (tmp_path / "set").exists()


def test_nobody_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(InputError, match=r"refused.*--data-dir FOLDER"):
            fetch("set", archive(f"http://127.0.0.1:{free.getsockname()[1]}/set.zip"), tmp_path)


def test_a_killed_download_is_begun_anew(publisher: str, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from retrieval.importing.download import Archive, fetch;"
        "fetch('set', Archive(url=sys.argv[1], md5='0'), Path(sys.argv[2]))"
    )
    command = [sys.executable, "-c", code, f"{publisher}/hanging.zip", str(tmp_path)]
    with subprocess.Popen(command) as process:
        deadline = time.monotonic() + 30
        while not (tmp_path / "set.zip.part").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.kill()
    assert (tmp_path / "set.zip.part").is_file()
    (tmp_path / "set.part").mkdir()  # as if it had been killed while unpacking
    (tmp_path / "set.part" / "half").write_text("x")
    folder = fetch("set", archive(f"{publisher}/set.zip"), tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == ["more", "u.data"]
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("name", sorted(EVIL))
def test_an_entry_outside_the_folder_is_refused(publisher: str, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="lies outside its folder"):
        fetch("set", archive(f"{publisher}/?{name}", EVIL[name]), tmp_path / "cache")
    assert not list(tmp_path.rglob("evil"))
    assert not (tmp_path / "cache" / "set").exists()


def test_without_an_archive_the_folder_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--data-dir FOLDER"):
        fetch("set", None, tmp_path)
