"""An erased user is gone from every file; the others are not."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from retrieval.entries import Entry
from retrieval.erasure import erase_user, finish_erasures
from retrieval.errors import NotFoundError
from retrieval.ids import pair_id
from retrieval.store import NOBODY, Store, open_store
from retrieval.types import Interaction, Item, User
from tests.fakes import HashingEmbedder
from tests.service.api.shop import fill, shop_app

ERIKA = "erika-7f3a"
CITY = "Snaefellsbaer"
WORDS = tuple(f"word{n}" for n in range(3_000))


def files_with(folder: Path, text: str) -> list[str]:
    """Files that hold the bytes. Read by another process: closing a file here would drop SQLite's locks on it."""
    found = subprocess.run(["grep", "-rlaF", text, str(folder)], capture_output=True, text=True, check=False)
    assert found.returncode in {0, 1}, found.stderr
    return sorted(str(Path(line).relative_to(folder)) for line in found.stdout.splitlines())


def live(client: TestClient) -> None:
    """Erika takes everything she is offered, says so, and moves."""
    client.put(f"/v1/users/{ERIKA}", json={"attributes": {"city": CITY}})
    for n in range(6):
        answer = client.post("/v1/recommend", json={"user_id": ERIKA, "n": 2}).json()
        item_id = answer["items"][0]["item_id"]
        kind = ["like", "buy"][n % 2]
        body = {"user_id": ERIKA, "item_id": item_id, "kind": kind, "request_id": answer["request_id"]}
        client.post("/v1/feedback", json=body)
    client.patch(f"/v1/users/{ERIKA}", json={"attributes": {"city": None}})
    client.delete(f"/v1/users/{ERIKA}/interactions/{item_id}")


def test_a_user_gets_all_of_it_and_then_is_gone(tmp_path: Path) -> None:
    home = tmp_path / "shop"
    with TestClient(shop_app(home)) as client:
        live(client)
        export = client.get(f"/v1/users/{ERIKA}/export").json()
        assert {name: len(rows) for name, rows in export.items() if name != "user"} == {
            "interactions": 5,
            "demonstrations": 2,
            "shown": 6,
            "feedback": 6,
            "sponsored": 0,
            "prompts": 0,
        }
        assert files_with(home, ERIKA) != []
        report = client.delete(f"/v1/users/{ERIKA}").json()
        assert report == {
            "user_id": ERIKA,
            "interactions": 5,
            "demonstrations": 2,
            "index_entries": 7,
            "shown": 6,
            "feedback": 6,
            "sponsored": 0,
            "prompts": 0,
            "notes": [],
        }
        assert files_with(home, ERIKA) == files_with(home, CITY) == []
        for answer in (client.get(f"/v1/users/{ERIKA}"), client.delete(f"/v1/users/{ERIKA}")):
            assert answer.status_code == 404
        assert client.get(f"/v1/users/{ERIKA}/export").status_code == 404
        # The others are as they were, and the index serves them.
        assert len(client.get("/v1/users/bob/export").json()["interactions"]) == 5
        found = client.post("/v1/recommend", json={"query": "film 6", "n": 1}).json()["items"][0]
        assert "text" in {source["name"] for source in found["sources"]}
    assert files_with(home, ERIKA) == files_with(home, CITY) == []
    assert "record.db" in files_with(home, "bob")


def opened(home: Path) -> Store:
    return open_store(home=home, record_url=None, index_url=None, embedder=HashingEmbedder())


def fill_with_erika(store: Store) -> None:
    fill(store)
    store.record.put_users([User(user_id=ERIKA)])
    store.record.put_interactions([Interaction(user_id=ERIKA, item_id=f"i{n}", timestamp=1.0 + n) for n in range(5)])
    store.catch_up()


def test_an_erasure_that_broke_off_goes_on(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        fill_with_erika(store)
        store.record.personal().delete([ERIKA])
    assert {"chroma/chroma.sqlite3", "record.db"} <= set(files_with(tmp_path, ERIKA))
    with opened(tmp_path) as store:
        embedder = store.embedder
        assert isinstance(embedder, HashingEmbedder)
        assert finish_erasures(store) == ()
        assert embedder.texts_seen == 0, "nothing is embedded again"
        assert store.status().problem is None
        with pytest.raises(NotFoundError):
            erase_user(store, ERIKA)
    assert files_with(tmp_path, ERIKA) == []


def generation(store: Store) -> int:
    state = store.index.state()
    assert state is not None
    return state.generation


def test_graphs_that_name_a_user_are_written_without_them(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        fill_with_erika(store)
        drawn = random.Random(0)
        items = [Item(item_id=f"n{n}", title=" ".join(drawn.choices(WORDS, k=6))) for n in range(1_000)]
        store.record.put_items(items)
        store.record.put_interactions(
            [Interaction(user_id="bob", item_id=item.item_id, timestamp=9.0) for item in items]
        )
        store.catch_up()
        assert any(name.endswith("index_metadata.pickle") for name in files_with(tmp_path, ERIKA))
        before = generation(store)
        assert erase_user(store, ERIKA).notes == ()
        assert generation(store) == before, "nothing is written anew"
        assert files_with(tmp_path, ERIKA) == []
        assert store.status().problem is None
        history = [past.item.item_id for past in store.record.history("bob")]
        found = store.index.vectors("interactions", [pair_id("bob", item_id) for item_id in history])
        assert len(found) == len(history)
    with opened(tmp_path) as store:
        assert store.status().problem is None


def test_the_mean_of_a_history_leaves_the_graph(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        fill_with_erika(store)
        store.record.put_interactions([Interaction(user_id=ERIKA, item_id="i7", timestamp=9.0)])
        store.catch_up()
        [mean] = store.index.vectors("demonstrations", [pair_id(ERIKA, "i7")]).values()
        current = store.index.current()
        assert current is not None
        current.delete("demonstrations", NOBODY)
        store.index.nearest("demonstrations", mean[None], 1)
        stored = (mean / np.linalg.norm(mean)).astype(np.float32).tobytes()
        graphs = tmp_path / "chroma"
        assert any(stored in file.read_bytes() for file in graphs.glob("*/data_level0.bin"))
        erase_user(store, ERIKA)
        assert not any(stored in file.read_bytes() for file in graphs.glob("*/data_level0.bin"))


def test_an_index_that_still_names_a_user_is_written_anew(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        fill_with_erika(store)
        current = store.index.current()
        assert current is not None
        [[entry_id, vector]] = store.index.vectors("interactions", [pair_id("bob", "i1")]).items()
        current.upsert("interactions", [Entry(id=entry_id, vector=vector, metadata={"user_id": ERIKA})])
        before = generation(store)
        erase_user(store, ERIKA)
        assert generation(store) == before + 1
        assert files_with(tmp_path, ERIKA) == []
        assert store.status().problem is None


def test_the_only_user_goes_from_an_index_that_is_empty_then(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        fill_with_erika(store)
        store.record.delete_users(["bob", "ann"])
        store.catch_up()
        erase_user(store, ERIKA)
        assert files_with(tmp_path / "chroma", "bob") == files_with(tmp_path, ERIKA) == []


def test_an_erased_user_may_come_back_as_somebody_new(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        fill_with_erika(store)
        assert erase_user(store, ERIKA).rows.interactions == 5
        store.record.put_users([User(user_id=ERIKA)])
        assert store.record.history(ERIKA) == ()
        store.catch_up()
        assert store.status().problem is None


def test_folders_of_dropped_graphs_go_too(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        fill(store)
        store.catch_up()
        store.rebuild()
        store.rebuild()
        store.scrub(())
        folders = [path for path in (tmp_path / "chroma").iterdir() if path.is_dir()]
    assert len(folders) <= 3
