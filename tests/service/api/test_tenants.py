"""Two tenants and the home folder's own store behind one door: whatever is tried, nobody sees another's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from structlog.testing import capture_logs

from ranking.access_settings import AccessSettings
from ranking.errors import ConfigError
from ranking.settings import load_settings
from retrieval.errors import InputError
from service.api.app import create_app
from service.api.tenants import Tenants
from service.keys.access import access_for
from service.keys.key import Scope
from service.keys.ring import KeyRing
from service.serving import Serving
from service.tenants import open_tenant, tenant_home, tenant_settings
from tests.service.api.shop import open_shop


def key(home: Path, tenant: str | None) -> dict[str, str]:
    issued = KeyRing(home).create("test", [Scope.ADMIN], now=0, expires_at=None, tenant=tenant)
    return {"x-api-key": issued.text}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    key(tmp_path, None)
    access = access_for(tmp_path, AccessSettings(keys_on_loopback=True), "127.0.0.1")
    app = create_app(
        partial(open_shop, tmp_path), access, open_tenant=lambda name: open_shop(tenant_home(tmp_path, name))
    )
    with TestClient(app, base_url="http://127.0.0.1") as running:
        yield running


def test_no_request_reads_or_changes_across(client: TestClient, tmp_path: Path) -> None:
    own, other, root = key(tmp_path, "one"), key(tmp_path, "two"), key(tmp_path, None)
    assert client.put("/v1/items/secret", json={"title": "Secret film"}, headers=own).status_code == 201
    assert client.put("/v1/users/erika", json={}, headers=own).status_code == 201
    path = "/v1/users/erika/interactions/secret"
    assert client.put(path, json={"liked": True}, headers=own).status_code == 201
    shown = client.post("/v1/recommend", json={"user_id": "erika", "n": 3}, headers=own).json()
    assert client.get(f"/v1/requests/{shown['request_id']}", headers=own).status_code == 200

    for keys in (other, root):
        for tried in (
            "/v1/items/secret", "/v1/items/secret/similar", "/v1/users/erika", "/v1/users/erika/export", path,
            f"/v1/requests/{shown['request_id']}",
        ):  # fmt: skip
            assert client.get(tried, headers={**keys, "x-tenant": "one", "tenant": "one"}).status_code == 404, tried
        for listed in ("/v1/items", "/v1/users", "/v1/search?text=Secret+film", "/metrics", "/api/users?n=100"):
            answer = client.get(listed, headers=keys)
            assert "secret" not in answer.text.lower()
            assert "erika" not in answer.text
        assert client.post("/v1/recommend", json={"user_id": "erika"}, headers=keys).status_code == 404
        assert client.delete("/v1/users/erika", headers=keys).status_code == 404
        assert client.delete("/v1/items/secret", headers=keys).status_code == 404
        feedback = {"user_id": "erika", "item_id": "secret", "kind": "like"}
        assert client.post("/v1/feedback", json=feedback, headers=keys).status_code == 404
    assert client.get(path, headers=own).status_code == 200
    assert (tmp_path / "tenants" / "one" / "record.db").exists()


def test_a_tenants_description_tells_of_keys(client: TestClient, tmp_path: Path) -> None:
    described = client.get("/openapi.json", headers=key(tmp_path, "one")).json()
    assert "security" in described["paths"]["/v1/items"]["get"]


def test_a_tenants_key_opens_nothing_where_no_tenants_are_served(tmp_path: Path) -> None:
    headers = key(tmp_path, "one")
    access = access_for(tmp_path, AccessSettings(keys_on_loopback=True), "127.0.0.1")
    with TestClient(create_app(partial(open_shop, tmp_path), access), base_url="http://127.0.0.1") as client:
        assert client.get("/v1/items", headers=headers).status_code == 403


def test_a_tenant_that_cannot_be_opened_is_tried_again(client: TestClient, tmp_path: Path) -> None:
    headers = key(tmp_path, "one")
    (tmp_path / "tenants").write_text("in the way", encoding="utf-8")
    with capture_logs():
        assert client.get("/v1/items", headers=headers).status_code == 500
    (tmp_path / "tenants").unlink()
    assert client.get("/v1/items", headers=headers).status_code == 200


async def test_a_client_that_leaves_does_not_stop_the_opening() -> None:
    begun, go = asyncio.Event(), asyncio.Event()
    told: list[str] = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        begun.set()
        await go.wait()
        told.append("opened")
        yield
        told.append("closed")

    tenants = Tenants(lambda _: FastAPI(lifespan=lifespan))
    leaving = asyncio.create_task(tenants.app("one"))
    await begun.wait()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    go.set()
    assert await tenants.app("one") is await tenants.app("one")
    await tenants.close()
    assert told == ["opened", "closed"]


@pytest.mark.parametrize("name", ["", "..", "a/b", "A", "-a", "a" * 64, "a\n"])
def test_a_tenants_name_is_plain(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="names no tenant"):
        tenant_home(tmp_path, name)
    with pytest.raises(InputError, match="names no tenant"):
        key(tmp_path, name)


def test_tenants_share_no_server(tmp_path: Path) -> None:
    for settings in (
        load_settings(home=tmp_path, record_url="postgresql://x/y"),
        load_settings(index={"url": "http://x"}),
    ):
        with pytest.raises(ConfigError, match="of their own"):
            open_tenant(settings, "one")


def test_changed_settings_of_a_tenant_are_taken_up_by_a_restart(tmp_path: Path) -> None:
    headers, file = key(tmp_path, "one"), tenant_home(tmp_path, "one") / "settings.yaml"
    access = access_for(tmp_path, AccessSettings(keys_on_loopback=True), "127.0.0.1")
    file.parent.mkdir(parents=True)

    def opened(name: str) -> AbstractContextManager[Serving]:
        own = tenant_settings(load_settings(home=tmp_path), name)
        return open_shop(own.home, own.quota)

    def allowed(client: TestClient) -> int:
        told = client.get("/v1/quota", headers=headers).json()["items"]["allowed"]
        assert isinstance(told, int)
        return told

    app = partial(create_app, partial(open_shop, tmp_path), access, open_tenant=opened)
    file.write_text("quota: {items: 10}\n", encoding="utf-8")
    with TestClient(app(), base_url="http://127.0.0.1") as client:
        assert allowed(client) == 10
        file.write_text("quota: {items: 20}\n", encoding="utf-8")
        assert allowed(client) == 10
    with TestClient(app(), base_url="http://127.0.0.1") as client:
        assert allowed(client) == 20
