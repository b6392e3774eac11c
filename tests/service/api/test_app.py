"""The HTTP door over a real record and index; the models are fakes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from ranking.engines.scripted import ScriptedEngine
from ranking.factory import choose_template, compose
from ranking.settings import load_settings
from retrieval.store import open_store
from retrieval.types import Interaction, Item, User
from service.api.app import create_app
from service.serving import Serving
from tests.fakes import HashingEmbedder


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    @contextmanager
    def opened() -> Iterator[Serving]:
        with open_store(home=tmp_path, record_url=None, index_url=None, embedder=HashingEmbedder()) as store:
            store.record.put_items([Item(item_id=f"i{n}", title=f"Item {n}") for n in range(5)])
            store.record.put_users([User(user_id="ann")])
            store.record.put_interactions([Interaction(user_id="ann", item_id="i0", timestamp=1.0)])
            store.catch_up()
            settings = load_settings()
            engine = ScriptedEngine(lambda _prompt, branch: float(len(branch)))
            recommender = compose(settings, store, engine, choose_template(settings))
            yield Serving(load=lambda _: nullcontext(recommender), current=lambda: None, stamp=lambda: None)

    with TestClient(create_app(opened)) as running:
        yield running


def test_recommendations_have_the_shape_of_the_command_line(client: TestClient) -> None:
    answer = client.post("/v1/recommend", json={"user_id": "ann", "n": 3, "exclude": ["i1"], "explain": True})
    assert answer.status_code == 200
    body = answer.json()
    assert {item["item_id"] for item in body["items"]} == {"i2", "i3", "i4"}
    assert body["ranked_by"] == "llm"
    assert body["model"]["engine"] == "scripted"


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"user_id": "nobody"}, 404, "no user 'nobody'"),
        ({"user_id": "ann", "n": 0}, 422, "greater than or equal to 1"),
        ({"user_id": "ann", "model": "/etc/passwd"}, 422, "Extra inputs"),
        ({"user_id": "ann", "filters": ["year"]}, 400, "not a condition"),
        ({"user_id": "ann", "filters": ["colour=red"]}, 400, "no item has an attribute 'colour'"),
    ],
)
def test_refusals_are_problems(client: TestClient, body: dict[str, object], status: int, told: str) -> None:
    answer = client.post("/v1/recommend", json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert told in answer.json()["detail"]


def test_an_unknown_path_and_a_huge_body_are_problems_too(client: TestClient) -> None:
    assert client.get("/nowhere").headers["content-type"] == "application/problem+json"
    assert client.post("/v1/recommend", content=b"x" * (1 << 21)).status_code == 413


def test_health(client: TestClient) -> None:
    assert client.get("/health/live").json() == {"status": "alive"}
    assert client.get("/health/ready").json() == {"status": "ready: scripted"}


def test_every_error_is_in_the_interface_description(client: TestClient) -> None:
    operation = client.get("/openapi.json").json()["paths"]["/v1/recommend"]["post"]
    assert {"200", "400", "404", "409", "413", "422", "500"} <= set(operation["responses"])
