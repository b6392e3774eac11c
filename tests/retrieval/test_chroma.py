from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from retrieval.chroma import ChromaIndex
from retrieval.errors import StoreBusyError, StoreError
from retrieval.lock import acquire


def test_a_second_holder_is_refused_and_told_how_to_share(tmp_path: Path) -> None:
    folder = tmp_path / "chroma"
    first = ChromaIndex.open_embedded(folder)
    with pytest.raises(StoreBusyError) as caught:
        ChromaIndex.open_embedded(folder)
    assert f"`chroma run --path {folder}`" in str(caught.value)
    assert "index.url" in str(caught.value)
    first.close()
    ChromaIndex.open_embedded(folder).close()


def test_closing_twice_is_fine(tmp_path: Path) -> None:
    index = ChromaIndex.open_embedded(tmp_path)
    index.close()
    index.close()


def test_a_never_built_index_is_empty(tmp_path: Path) -> None:
    index = ChromaIndex.open_embedded(tmp_path)
    assert index.state() is None
    assert index.nearest("items", np.ones((2, 4), dtype=np.float32), 3) == [[], []]
    assert index.vectors("items", ["a"]) == {}
    index.close()


def test_a_home_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match="set FEWREC_HOME"):
        ChromaIndex.open_embedded(tmp_path / "file" / "chroma")


def test_a_damaged_index_says_how_to_mend_it_and_lets_go_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "chroma.sqlite3").write_text("this is a letter, not a database " * 40)
    with pytest.raises(StoreError, match="fewrec index rebuild"):
        ChromaIndex.open_embedded(tmp_path)
    acquire(tmp_path / "fewrec.lock", busy="still held").release()


@pytest.mark.parametrize(
    ("url", "says"),
    [("localhost:8000", "Example: http://"), ("http://127.0.0.1:9", "Check that `chroma run` is up"), ("", "Example")],
)
def test_a_server_that_is_not_there(url: str, says: str) -> None:
    with pytest.raises(StoreError, match=says):
        ChromaIndex.connect(url)


def test_the_environment_and_dotenv_files_do_not_reach_chroma(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("ALLOW_RESET=true\nCHROMA_API_IMPL=chromadb.api.fastapi.FastAPI\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHROMA_SERVER_HOST", "example.org")
    monkeypatch.setenv("ANONYMIZED_TELEMETRY", "True")
    ChromaIndex.open_embedded(tmp_path / "chroma").close()
    assert (tmp_path / "chroma" / "chroma.sqlite3").is_file()
