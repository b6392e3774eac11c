"""What every place that the index can live in must do: embedded, and behind a `chroma run` server."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from retrieval.chroma import ChromaIndex
from retrieval.entries import COLLECTIONS, Entry, IndexState
from retrieval.errors import StoreError
from retrieval.protocol import Collection, VectorIndex, Vectors
from retrieval.store import Store, open_store
from tests.fakes import HashingEmbedder
from tests.retrieval.records import item


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a real server of our own."""
    program = shutil.which("chroma", path=str(Path(sys.executable).parent)) or shutil.which("chroma")
    assert program, "chromadb installs the `chroma` program"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("server")
    command = [program, "run", "--path", str(folder), "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            _wait_for(process, port, folder / "log")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@pytest.fixture(params=["embedded", "server"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ChromaIndex]:
    if request.param == "embedded":
        opened = ChromaIndex.open_embedded(tmp_path / "chroma")
    else:
        opened = ChromaIndex.connect(request.getfixturevalue("server"))
    publish(opened, {})
    yield opened
    opened.close()


def publish(index: ChromaIndex, vectors: dict[str, Vectors], collection: Collection = "items") -> None:
    generation = index.build()
    entries = [Entry(id=key, vector=vector, metadata={"domain": "items"}) for key, vector in vectors.items()]
    generation.upsert(collection, entries)
    index.publish(IndexState(generation=generation.number, record_id="r", embedder="e", version=1))


def on_circle(degrees: float) -> Vectors:
    return np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], dtype=np.float32)


def nearest_ids(index: ChromaIndex, k: int) -> list[str]:
    [hits] = index.nearest("items", on_circle(0)[None], k)
    return [hit.id for hit in hits]


def test_nearest_is_by_cosine_best_first_with_ties_by_id(index: ChromaIndex) -> None:
    publish(index, {"c": on_circle(60), "b": on_circle(0) * 5, "a": on_circle(0), "d": on_circle(180)})
    reader: VectorIndex = index
    [hits] = reader.nearest("items", on_circle(0)[None], 3)
    assert [hit.id for hit in hits] == ["a", "b", "c"]
    assert [hit.similarity for hit in hits] == pytest.approx([1.0, 1.0, 0.5], abs=1e-6)


@pytest.mark.parametrize(("k", "found"), [(0, 0), (1, 1), (50, 3)])
def test_k_is_an_upper_bound(index: ChromaIndex, k: int, found: int) -> None:
    publish(index, {str(angle): on_circle(angle) for angle in (0, 10, 20)})
    assert [len(hits) for hits in index.nearest("items", np.stack([on_circle(0), on_circle(90)]), k)] == [found] * 2
    assert index.nearest("items", np.zeros((0, 2), dtype=np.float32), k) == []


def test_each_vector_has_its_own_neighbours(index: ChromaIndex) -> None:
    publish(index, {str(angle): on_circle(angle) for angle in (0, 10, 90, 100)})
    found = index.nearest("items", np.stack([on_circle(91), on_circle(1)]), 2)
    assert [[hit.id for hit in hits] for hits in found] == [["90", "100"], ["0", "10"]]


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_vectors_come_back_and_missing_ids_are_absent(index: ChromaIndex, collection: Collection) -> None:
    rows = np.random.default_rng(0).standard_normal((4500, 16), dtype=np.float32)
    publish(index, {str(place): row for place, row in enumerate(rows)}, collection)
    found = index.vectors(collection, ["7", "missing", "7", *(str(place) for place in range(4500))])
    assert len(found) == 4500
    np.testing.assert_allclose(found["4499"], rows[4499], atol=1e-6)
    assert found["7"].dtype == np.float32
    assert index.vectors(collection, []) == {}


def test_an_empty_collection_has_no_neighbours(index: ChromaIndex) -> None:
    assert nearest_ids(index, 5) == []


def test_a_new_build_is_not_seen_before_it_is_published(index: ChromaIndex) -> None:
    publish(index, {"old": on_circle(0)})
    generation = index.build()
    generation.upsert("items", [Entry(id="new", vector=on_circle(0), metadata={"domain": "items"})])
    assert nearest_ids(index, 5) == ["old"]
    index.publish(IndexState(generation=generation.number, record_id="r", embedder="e", version=2))
    assert nearest_ids(index, 5) == ["new"]
    state = index.state()
    assert state is not None
    assert state.version == 2


def test_left_overs_of_a_broken_build_are_removed(index: ChromaIndex) -> None:
    abandoned = index.build()
    abandoned.upsert("items", [Entry(id="half", vector=on_circle(0), metadata={"domain": "items"})])
    assert index.build().count("items") == 0


def test_deleting_and_listing(index: ChromaIndex) -> None:
    publish(index, {f"{place:04}": on_circle(place) for place in range(2500)})
    current = index.current()
    assert current is not None
    current.delete("items", ["0003", "missing"])
    assert current.count("items") == 2499
    assert len(set(current.ids("items"))) == 2499
    assert len(current.sample("items", 10)) == 10
    assert current.sample("demonstrations", 10) == []


def test_vectors_of_another_size_are_refused(index: ChromaIndex) -> None:
    publish(index, {"a": on_circle(0)})
    with pytest.raises(StoreError, match="dimension"):
        index.nearest("items", np.ones((1, 3), dtype=np.float32), 1)


def test_a_reader_finds_the_index_that_another_process_rebuilt(server: str) -> None:
    reader, writer = ChromaIndex.connect(server), ChromaIndex.connect(server)
    publish(writer, {"old": on_circle(0)})
    assert nearest_ids(reader, 1) == ["old"]
    publish(writer, {"new": on_circle(0)})
    assert nearest_ids(reader, 1) == ["new"]
    assert list(reader.vectors("items", ["old", "new"])) == ["new"]
    reader.close()
    writer.close()


def test_a_store_goes_on_after_another_process_rebuilt_its_index(server: str, tmp_path: Path) -> None:
    def opened() -> Store:
        return open_store(home=tmp_path, record_url=None, index_url=server, embedder=HashingEmbedder())

    with opened() as serving, opened() as command:
        serving.record.put_items([item("a"), item("b")])
        command.rebuild()
        assert serving.status().whole
        command.rebuild()
        assert serving.status().whole
        command.rebuild()
        serving.record.put_items([item("c")])
        assert serving.catch_up().items == 1
        assert command.status().whole


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"the Chroma server did not come up: {log.read_text()}")
