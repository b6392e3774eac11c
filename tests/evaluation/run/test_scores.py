"""The score cache keeps what it is given, over processes and over damaged files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from evaluation.errors import RunFolderError
from evaluation.run.scores import FILE_NAME, ScoreCache

WRITER = """
import sys
from pathlib import Path
from evaluation.run.scores import ScoreCache
with ScoreCache(Path(sys.argv[1])) as cache:
    for block in range(20):
        cache.put_many({f"{sys.argv[2]}-{block}-{n}": b"v" for n in range(20)} | {f"both-{block}": b"same"})
"""


def test_what_was_put_comes_back_and_the_rest_is_absent(tmp_path: Path) -> None:
    many = {f"{n:064x}": str(n).encode() for n in range(1201)}
    with ScoreCache(tmp_path) as cache:
        cache.put_many(many)
        cache.put_many({})
        assert cache.get_many([*many, "unknown"]) == many
    with ScoreCache(tmp_path) as again:
        assert again.get_many([f"{7:064x}"]) == {f"{7:064x}": b"7"}


def test_two_processes_lose_nothing(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), name]) for name in ("a", "b")]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    with ScoreCache(tmp_path) as cache:
        assert (
            len(cache.get_many([f"{name}-{block}-{n}" for name in "ab" for block in range(20) for n in range(20)]))
            == 800
        )
        assert len(cache.get_many([f"both-{block}" for block in range(20)])) == 20


def test_a_failed_put_leaves_nothing_behind_and_the_cache_usable(tmp_path: Path) -> None:
    with ScoreCache(tmp_path) as cache:
        with pytest.raises(RunFolderError, match="cannot be used"):
            cache.put_many({"good": b"1", "bad": None})  # type: ignore[dict-item]
        assert cache.get_many(["good", "bad"]) == {}
        cache.put_many({"good": b"1"})
        assert cache.get_many(["good"]) == {"good": b"1"}


def test_a_damaged_file_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"not a database" * 100)
    with pytest.raises(RunFolderError, match="may be deleted"):
        ScoreCache(tmp_path)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RunFolderError, match="cannot open the score cache"):
        ScoreCache(tmp_path / "file")
