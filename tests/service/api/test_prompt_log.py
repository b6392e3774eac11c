"""The log of prompts: off unless asked for, word by word, theirs whose it is, and gone with them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from fastapi.testclient import TestClient

from service.api.app import create_app
from tests.service.api.shop import open_shop
from tests.service.api.test_erasure import files_with

ERIKA = "erika-7f3a"
WORDS = "something like a Snaefellsbaer"


@contextmanager
def shop(home: Path, *, keeps_prompts: bool = True, shots: int = 0) -> Iterator[TestClient]:
    with TestClient(create_app(partial(open_shop, home, keeps_prompts=keeps_prompts, shots=shots))) as client:
        client.put(f"/v1/users/{ERIKA}", json={})
        client.put(f"/v1/users/{ERIKA}/interactions/i2", json={"liked": True})
        yield client


def test_nothing_is_kept_unless_asked_for(tmp_path: Path) -> None:
    with shop(tmp_path, keeps_prompts=False) as client:
        answer = client.post("/v1/recommend", json={"user_id": ERIKA, "query": WORDS}).json()
        assert answer["ranked_by"] == "llm"
        assert client.get(f"/v1/requests/{answer['request_id']}/prompts").status_code == 404
        assert client.get(f"/v1/users/{ERIKA}/export").json()["prompts"] == []
        assert files_with(tmp_path, "Snaefellsbaer") == []


def test_the_exact_prompt_is_kept_with_its_list_and_user_and_goes_with_them(tmp_path: Path) -> None:
    with shop(tmp_path) as client:
        body = {"user_id": ERIKA, "query": WORDS, "explain": True}
        answer = client.post("/v1/recommend", json=body).json()
        logged = client.get(f"/v1/requests/{answer['request_id']}/prompts").json()
        assert logged["user_id"] == ERIKA
        first, *reasons = logged["prompts"]
        assert first["digest"] == answer["prompt_digest"]
        assert "Film 2" in str(first)
        assert WORDS in str(first)
        assert reasons, "what was asked for the reasons is there too"
        bob = client.post("/v1/recommend", json={"user_id": "bob"}).json()["request_id"]
        assert client.get(f"/v1/users/{ERIKA}/export").json()["prompts"] == [logged]

        assert "record.db" in " ".join(files_with(tmp_path, WORDS))
        assert client.delete(f"/v1/users/{ERIKA}").json()["prompts"] == 1
        assert files_with(tmp_path, WORDS) == files_with(tmp_path, ERIKA) == []
        assert client.get(f"/v1/requests/{bob}/prompts").status_code == 200


def test_a_strangers_list_and_prompts_are_erased_by_their_id(tmp_path: Path) -> None:
    with shop(tmp_path) as client:
        body = {"items": [{"item_id": "i2"}], "query": WORDS}
        mine, other = (client.post("/v1/session/recommend", json=body).json()["request_id"] for _ in range(2))
        path = f"/v1/requests/{mine}"
        assert client.get(f"{path}/prompts").json()["user_id"] is None
        assert client.delete(path).json() == {"request_id": mine, "shown": 1, "prompts": 1, "notes": []}
        for answer in (client.get(path), client.get(f"{path}/prompts"), client.delete(path)):
            assert answer.status_code == 404
        assert client.get(f"/v1/requests/{other}/prompts").status_code == 200
        client.delete(f"/v1/requests/{other}")
        assert files_with(tmp_path, WORDS) == files_with(tmp_path, mine) == []


def test_prompts_of_others_that_show_demonstrations_go_too(tmp_path: Path) -> None:
    with shop(tmp_path, shots=2) as client:
        body = {"user_id": "ann", "filters": ["genres=Comedy"]}
        answer = client.post("/v1/recommend", json=body).json()
        assert answer["counts"]["demonstrations"] > 0
        path = f"/v1/requests/{answer['request_id']}/prompts"
        assert client.get(path).status_code == 200
        assert client.delete(f"/v1/users/{ERIKA}").json()["prompts"] == 1
        assert client.get(path).status_code == 404


def test_lists_that_are_asked_at_once_keep_their_prompts_apart(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with shop(tmp_path) as client, ThreadPoolExecutor(8) as pool:
        asked = [f"number-{n}-of-all" for n in range(16)]
        bodies = [{"user_id": "ann", "query": query} for query in asked]
        ids = [
            answer.json()["request_id"]
            for answer in pool.map(lambda body: client.post("/v1/recommend", json=body), bodies)
        ]
        for query, request_id in zip(asked, ids, strict=True):
            told = client.get(f"/v1/requests/{request_id}/prompts").text
            assert [other for other in asked if other in told] == [query]
