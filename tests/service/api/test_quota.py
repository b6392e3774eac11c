"""Quotas over HTTP: which one it is, exact however many ask at once, and told before anybody meets it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from ranking.access_settings import AccessSettings
from retrieval.config import QuotaSettings
from retrieval.store import open_store
from service.api.app import create_app
from service.keys.access import access_for
from service.keys.key import Scope
from service.keys.ring import KeyRing
from service.tenants import tenant_home
from tests.fakes import HashingEmbedder
from tests.service.api.shop import N_ITEMS, open_shop


@contextmanager
def shop(home: Path, **quota: int) -> Iterator[TestClient]:
    with TestClient(create_app(partial(open_shop, home, QuotaSettings(**quota)))) as client:
        yield client


def test_a_full_store_refuses_by_the_name_of_its_quota(tmp_path: Path) -> None:
    with shop(tmp_path, items=N_ITEMS + 1, users=2, interactions=7) as client:
        assert client.put("/v1/items/new", json={"title": "New"}).status_code == 201
        refused = client.put("/v1/items/newer", json={"title": "Newer"})
        assert (refused.status_code, refused.headers["content-type"]) == (403, "application/problem+json")
        assert refused.json()["detail"].startswith(f"quota of items: {N_ITEMS + 1} are allowed")
        assert client.put("/v1/items/new", json={"title": "Changed"}).status_code == 200
        assert "quota of users" in client.put("/v1/users/eve", json={}).json()["detail"]
        bulk = "".join(f'{{"item_id": "b{n}", "title": "B"}}\n' for n in range(3))
        assert client.post("/v1/items/bulk", content=bulk).status_code == 403
        like = {"user_id": "ann", "item_id": "i1", "kind": "like"}
        assert client.post("/v1/feedback", json=like).status_code == 201
        refused = client.post("/v1/feedback", json={**like, "item_id": "i2"})
        assert (refused.status_code, refused.json()["title"]) == (403, "QuotaError")
        assert client.post("/api/user", json={"UserId": "gorse"}).status_code == 403
        told = client.get("/v1/quota").json()
    assert told["items"] == {"taken": N_ITEMS + 1, "allowed": N_ITEMS + 1}
    assert told["interactions"] == {"taken": 7, "allowed": 7}
    assert told["requests_today"] == {"taken": 0, "allowed": None}


def _lines(n: int, more: bytes = b"") -> bytes:
    return b"".join(b'{"item_id": "b%d", "title": "B"}\n' % k for k in range(n)) + more


LIKES = [{"FeedbackType": "like", "UserId": "ann", "ItemId": f"i{n}"} for n in (5, 6, 7)]


@pytest.mark.parametrize(
    ("sent", "status", "stored"),
    [
        ({"url": "/v1/items/bulk", "content": _lines(1500)}, 403, 1000 + N_ITEMS),
        ({"url": "/v1/items/bulk", "content": _lines(1000, b"x" * (2 << 20))}, 400, 1000 + N_ITEMS),
        ({"url": "/api/feedback", "json": LIKES}, 403, N_ITEMS),
    ],
)
def test_the_index_is_told_of_what_a_write_stored_before_it_broke_off(
    tmp_path: Path, sent: dict[str, Any], status: int, stored: int
) -> None:
    with shop(tmp_path, items=N_ITEMS + 1200, interactions=7) as client:
        refused = client.post(**sent)
        assert refused.status_code == status
        assert status == 400 or "what was stored before it stays" in refused.json()["detail"]
        taken = client.get("/v1/quota").json()
    assert taken["items"]["taken"] == stored
    assert taken["interactions"]["taken"] == (7 if sent["url"] == "/api/feedback" else 6)
    with open_store(home=tmp_path, record_url=None, index_url=None, embedder=HashingEmbedder()) as store:
        found = store.status()
    assert found.record == found.index


def test_a_full_store_still_chats(tmp_path: Path) -> None:
    with shop(tmp_path, interactions=6) as client:
        said = client.post("/v1/chat", json={"message": "I love Film 3", "user_id": "ann"}).json()
        answer = client.post("/v1/chat", json={"message": "yes", "user_id": "ann", "state": said["state"]})
    assert answer.status_code == 200
    assert "takes no more interactions" in answer.text


def test_requests_of_a_day_are_counted_exactly_and_over_restarts(tmp_path: Path) -> None:
    with shop(tmp_path, requests_per_day=10) as client, ThreadPoolExecutor(8) as pool:
        answers = [*pool.map(lambda _: client.get("/v1/items/i1").status_code, range(7))]
        assert answers == [200] * 7
    with shop(tmp_path, requests_per_day=10) as client, ThreadPoolExecutor(8) as pool:
        answers = [*pool.map(lambda _: client.get("/v1/items/i1").status_code, range(9))]
        assert sorted(answers) == [200] * 3 + [429] * 6
        refused = client.get("/v1/items/i1")
        assert "quota of requests: 10 a day" in refused.json()["detail"]
        assert 1 <= int(refused.headers["retry-after"]) <= 86_400
        assert client.get("/health/live").status_code == 200
        assert client.post("/v1/chat/completions", json={}).json()["error"]["message"].startswith("quota of requests")


def test_a_tenants_quota_is_no_other_tenants(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    keys = {
        name: {"x-api-key": ring.create("test", [Scope.READ], now=0, expires_at=None, tenant=name).text}
        for name in ("one", "two", None)
    }
    quotas = {"one": QuotaSettings(requests_per_day=1)}
    app = create_app(
        partial(open_shop, tmp_path),
        access_for(tmp_path, AccessSettings(keys_on_loopback=True), "127.0.0.1"),
        open_tenant=lambda name: open_shop(tenant_home(tmp_path, name), quotas.get(name)),
    )
    with TestClient(app, base_url="http://127.0.0.1") as client:
        answers = [
            client.get("/v1/items", headers=keys[name]).status_code for name in ("one", "one", "two", "two", None)
        ]
    assert answers == [200, 429, 200, 200, 200]


def test_the_description_tells_of_it(tmp_path: Path) -> None:
    with shop(tmp_path) as client:
        paths = client.get("/openapi.json").json()["paths"]
    assert {"403", "429"} <= paths["/v1/items/{item_id}"]["put"]["responses"].keys()
    assert "429" not in paths["/health/live"]["get"]["responses"]
    assert "403" not in paths["/v1/recommend"]["post"]["responses"]
