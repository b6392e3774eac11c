"""What the service keeps, on PostgreSQL: every query that a request makes is one that PostgreSQL understands."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from retrieval.config import QuotaSettings
from retrieval.record import Record
from service.api.app import create_app
from tests.service.api.shop import open_shop
from tests.service.api.test_campaigns_api import BODY

QUOTA = QuotaSettings(users=3, requests_per_day=1000)
WORDS = "something like a Snaefellsbaer"


@pytest.fixture
def client(tmp_path: Path, postgres_url: str) -> Iterator[TestClient]:
    """The shop with two demonstrations a prompt, prompts kept, and room for one user more."""
    opened = partial(open_shop, tmp_path, QUOTA, keeps_prompts=True, shots=2, record_url=postgres_url)
    with TestClient(create_app(opened)) as running:
        yield running


def rows_with(url: str, words: str) -> list[str]:
    """Tables of the schema that hold the words in any column."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        named = text("SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()")
        tables = list(connection.scalars(named))
        found = [
            table
            for table in tables
            if connection.scalar(
                text(f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE :words"),  # noqa: S608
                {"words": f"%{words}%"},
            )
        ]
    engine.dispose()
    return sorted(found)


def test_lists_feedback_prompts_export_and_erasure(client: TestClient, postgres_url: str) -> None:
    client.put("/v1/users/erika", json={"attributes": {"city": "Graz"}})
    client.put("/v1/users/erika/interactions/i2", json={"liked": True})
    answer = client.post("/v1/recommend", json={"user_id": "erika", "query": WORDS, "explain": True}).json()
    assert (answer["ranked_by"], answer["degraded"]) == ("llm", False)
    told = {"user_id": "erika", "request_id": answer["request_id"], "feedback_id": "f"}
    first, second = (item["item_id"] for item in answer["items"][:2])
    for status in (201, 200):
        assert client.post("/v1/feedback", json={**told, "item_id": first, "kind": "like"}).status_code == status
    client.post("/v1/feedback", json={**told, "item_id": second, "kind": "dismiss", "feedback_id": "g"})
    after = client.post("/v1/recommend", json={"user_id": "erika"}).json()
    assert not {first, second} & {item["item_id"] for item in after["items"]}, "the next list knows it"
    export = client.get("/v1/users/erika/export").json()
    assert [len(export[kind]) for kind in ("interactions", "shown", "feedback", "prompts")] == [2, 2, 2, 2]
    report = client.delete("/v1/users/erika").json()
    assert [report[kind] for kind in ("interactions", "shown", "feedback", "prompts")] == [2, 2, 2, 2]
    assert rows_with(postgres_url, "erika") == rows_with(postgres_url, WORDS) == []
    assert "users" in rows_with(postgres_url, "bob")


def test_a_strangers_list_is_erased_by_its_id(client: TestClient, postgres_url: str) -> None:
    body = {"items": [{"item_id": "i2"}], "query": WORDS}
    request_id = client.post("/v1/session/recommend", json=body).json()["request_id"]
    assert rows_with(postgres_url, WORDS) == ["prompts"]
    assert client.delete(f"/v1/requests/{request_id}").json()["prompts"] == 1
    assert rows_with(postgres_url, WORDS) == rows_with(postgres_url, request_id) == []


def test_the_catalogue_quota_expiry_and_campaigns(client: TestClient) -> None:
    assert client.put("/v1/users/carl", json={}).status_code == 201
    assert client.put("/v1/users/dora", json={}).status_code == 403
    quota = client.get("/v1/quota").json()
    assert (quota["users"]["taken"], quota["users"]["allowed"]) == (3, 3)
    lines = '{"item_id": "x", "title": "Ü\\u0001"}\n{"item_id": "y", "title": "Yves"}\n'
    assert client.post("/v1/items/bulk", content=lines.encode()).json()["inserted"] >= 1
    assert client.get("/v1/items", params={"limit": 2}).json()["cursor"] is not None
    expired = client.post("/v1/items/expire", json={"filters": ["year<=1991"]})
    assert expired.status_code == 200, expired.text
    listed = client.post("/v1/recommend", json={"user_id": "carl", "n": 20}).json()["items"]
    assert not {"i0", "i1"} & {item["item_id"] for item in listed}
    for status in (201, 200):
        assert client.put("/v1/campaigns/c", json=BODY).status_code == status
    assert client.delete("/v1/campaigns/c").status_code == 204
    assert client.get("/v1/search", params={"q": "film 6"}).json()["items"]
    assert client.get("/v1/picks", params={"n": 3}).status_code == 200
    assert client.get("/health/ready").status_code == 200


def test_what_is_old_is_forgotten(client: TestClient, postgres_url: str) -> None:
    request_id = client.post("/v1/session/recommend", json={"items": [{"item_id": "i2"}]}).json()["request_id"]
    record = Record.open(postgres_url)
    assert (record.prompts().forget(time.time() - 60), record.shown().forget(time.time() - 60)) == (0, 0)
    assert (record.prompts().forget(time.time() + 60), record.shown().forget(time.time() + 60)) == (1, 1)
    record.close()
    assert client.get(f"/v1/requests/{request_id}").status_code == 404
