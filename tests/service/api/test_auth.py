from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.testclient import TestClient
from structlog.testing import capture_logs

from ranking.access_settings import AccessSettings
from service.api.app import create_app
from service.api.problems import MEDIA_TYPE
from service.api.scopes import OPEN, SCOPES, scope_of, stores_feedback
from service.keys.access import access_for
from service.keys.key import Scope
from service.keys.ring import KeyRing
from tests.service.api.shop import open_shop, shop_app

LIST = {"user_id": "ann", "n": 2}


@contextmanager
def guarded(folder: Path, settings: AccessSettings, host: str = "127.0.0.1") -> Iterator[TestClient]:
    app = create_app(partial(open_shop, folder / "shop"), access_for(folder, settings, host))
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        yield client


def key(folder: Path, *scopes: Scope, rate: int | None = None) -> str:
    issued = KeyRing(folder).create("test", scopes, now=0, expires_at=None, requests_per_minute=rate)
    return issued.text


def bearer(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


def routes() -> set[tuple[str, str]]:
    """Method and path of every route of the application, described in the interface or not."""
    found: set[tuple[str, str]] = set()
    for route in iter_route_contexts(shop_app(Path("unused")).routes):
        assert route.path is not None
        found |= {(method, route.path) for method in route.methods or {"MOUNTED"}}
    return {(method, path) for method, path in found if method != "HEAD"}


def test_every_route_has_a_scope_and_the_one_that_is_looked_up() -> None:
    declared = {(method, path) for path, scopes in SCOPES.items() for method in scopes}
    declared |= {("GET", path) for path in OPEN}
    assert len(routes()) > 20
    assert routes() - declared == set()
    for method, path in routes():
        example = re.sub(r"\{\w+\}", "x", path)
        assert scope_of(method, example) == (None if path in OPEN else SCOPES[path][method]), path


def test_what_is_not_in_the_table_is_shut() -> None:
    assert scope_of("GET", "/v1/new") is Scope.ADMIN
    assert scope_of("POST", "/health/live") is Scope.ADMIN
    assert scope_of("HEAD", "/v1/items") is Scope.READ


def test_without_a_key_only_health_answers(tmp_path: Path) -> None:
    text = key(tmp_path, Scope.READ)
    with guarded(tmp_path, AccessSettings(keys_on_loopback=True)) as client:
        assert client.get("/health/ready").status_code == 200
        refusals = [
            client.post("/v1/recommend", json=LIST),
            client.post("/v1/recommend", content=b"{"),
            client.get("/nowhere"),
            client.get("/openapi.json"),
            client.get("/v1/items", headers={"x-api-key": text[:-1]}),
            client.get("/v1/items", headers={"authorization": f"Basic {text}", "x-api-key": text}),
        ]
        assert {answer.status_code for answer in refusals} == {401}
        assert {answer.headers["content-type"] for answer in refusals} == {MEDIA_TYPE}
        assert {answer.headers["www-authenticate"] for answer in refusals} == {'Bearer realm="fewrec"'}
        assert client.post("/v1/recommend", json=LIST, headers=bearer(text)).status_code == 200
        assert client.get("/v1/items", headers={"X-Api-Key": text}).status_code == 200


def test_a_key_does_what_its_scopes_say_and_no_more(tmp_path: Path) -> None:
    reading, writing, admin = key(tmp_path, Scope.READ), key(tmp_path, Scope.WRITE), key(tmp_path, Scope.ADMIN)
    with guarded(tmp_path, AccessSettings(), "shop.example") as client:
        item = {"title": "Heat"}
        refused = client.put("/v1/items/heat", json=item, headers=bearer(reading))
        assert (refused.status_code, refused.headers["content-type"]) == (403, MEDIA_TYPE)
        assert "'write'" in refused.json()["detail"]
        assert client.put("/v1/items/heat", json=item, headers=bearer(writing)).status_code == 201
        assert client.get("/v1/items/heat", headers=bearer(writing)).status_code == 403
        assert client.delete("/v1/users/ann", headers=bearer(writing)).status_code == 403
        assert client.get("/v1/users/ann/export", headers=bearer(reading)).status_code == 403
        assert client.post("/v1/chat", json={"message": "films"}, headers=bearer(reading)).status_code == 403
        assert client.get("/v1/users/ann/export", headers=bearer(admin)).status_code == 200
        assert client.get("/nowhere", headers=bearer(admin)).status_code == 404


@pytest.mark.parametrize("name", ["write-back-type", "%77rite-back-typ%65"])
def test_a_list_that_is_stored_as_feedback_asks_for_write_as_well(tmp_path: Path, name: str) -> None:
    reading, writing = key(tmp_path, Scope.READ), key(tmp_path, Scope.WRITE)
    both = key(tmp_path, Scope.READ, Scope.WRITE)
    path, stored = "/api/recommend/ann", "/api/user/ann/feedback/buy"
    with guarded(tmp_path, AccessSettings(keys_on_loopback=True)) as client:
        refused = client.get(f"{path}?n=2&{name}=buy", headers=bearer(reading))
        assert (refused.status_code, refused.json()["detail"]) == (403, "This key lacks the scope 'write'.")
        assert client.get(f"{path}?n=2&{name}=buy", headers=bearer(writing)).status_code == 403
        assert client.get(stored, headers=bearer(reading)).json() == []
        assert len(client.get(f"{path}?n=2", headers=bearer(reading)).json()) == 2
        assert client.get(f"{path}?n=2&{name}=buy", headers=bearer(both)).status_code == 200
        assert len(client.get(stored, headers=bearer(reading)).json()) == 2


def test_every_path_that_takes_write_back_type_is_known_to_store() -> None:
    taking = {
        route.path
        for route in iter_route_contexts(shop_app(Path("unused")).routes)
        if isinstance(route.original_route, APIRoute)
        and any(parameter.alias == "write-back-type" for parameter in route.original_route.dependant.query_params)
    }
    assert len(taking) == 3
    for path in taking:
        assert path is not None
        assert stores_feedback(re.sub(r"\{\w+\}", "x", path), b"n=2&write-back-type=")
        assert not stores_feedback(path, b"n=2")


def test_a_key_that_is_revoked_meanwhile_is_refused_at_the_next_request(tmp_path: Path) -> None:
    text = key(tmp_path, Scope.READ)
    with guarded(tmp_path, AccessSettings(keys_on_loopback=True)) as client:
        assert client.get("/v1/items", headers=bearer(text)).status_code == 200
        KeyRing(tmp_path).revoke(text.split("_")[1], now=1)
        assert client.get("/v1/items", headers=bearer(text)).status_code == 401
        (tmp_path / "keys.json").write_text("no keys", encoding="utf-8")
        with capture_logs():
            broken = client.get("/v1/items", headers=bearer(text))
        assert (broken.status_code, broken.headers["content-type"]) == (500, MEDIA_TYPE)


def test_each_key_has_a_rate_of_its_own(tmp_path: Path) -> None:
    first, second = key(tmp_path, Scope.READ, rate=2), key(tmp_path, Scope.READ)
    with guarded(tmp_path, AccessSettings(keys_on_loopback=True, requests_per_minute=3)) as client:
        statuses = [client.get("/v1/items", headers=bearer(first)).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
        statuses = [client.get("/v1/items", headers=bearer(second)).status_code for _ in range(4)]
        assert statuses == [200, 200, 200, 429]
        refusal = client.get("/v1/items", headers=bearer(first))
        assert refusal.headers["content-type"] == MEDIA_TYPE
        assert 1 <= int(refusal.headers["retry-after"]) <= 60
        assert client.get("/health/live").status_code == 200


def test_addresses_have_no_limit_unless_one_is_set(tmp_path: Path) -> None:
    with guarded(tmp_path, AccessSettings(keyless_requests_per_minute=1)) as client:
        assert [client.get("/v1/items").status_code for _ in range(2)] == [200, 429]
    with guarded(tmp_path, AccessSettings(requests_per_minute=1)) as client:
        assert [client.get("/v1/items").status_code for _ in range(3)] == [200] * 3


def test_only_names_of_its_own_are_answered(tmp_path: Path) -> None:
    own = ("127.0.0.1:8000", "LOCALHOST", "[::1]:8000")
    other = ("evil.example", "127.0.0.1.evil.example", "evil.example:127", "[::2]", "")
    with guarded(tmp_path, AccessSettings()) as client:
        for host in (*own, *other):
            answer = client.get("/v1/items", headers={"host": host})
            assert answer.status_code == (200 if host in own else 421), host
            assert answer.headers["x-content-type-options"] == "nosniff"


def test_other_names_can_be_allowed(tmp_path: Path) -> None:
    for hosts in (("shop.example",), ("*",)):
        with guarded(tmp_path, AccessSettings(hosts=hosts)) as client:
            assert client.get("/v1/items", headers={"host": "Shop.example:443"}).status_code == 200


def test_pages_of_other_origins_can_neither_send_nor_read(tmp_path: Path) -> None:
    item = {"title": "Heat"}
    own, other = {"origin": "http://127.0.0.1:8000"}, {"origin": "https://evil.example"}
    with guarded(tmp_path, AccessSettings()) as client:
        assert client.put("/v1/items/heat", json=item, headers=own).status_code == 201
        for headers in (other, {"origin": "null"}, {"origin": "http://[::1"}):
            assert client.get("/v1/items", headers=headers).status_code == 403
        asked = client.options("/v1/items", headers={**other, "access-control-request-method": "POST"})
        assert asked.status_code == 403
        assert not [name for name in asked.headers if name.startswith("access-control")]


def test_an_origin_of_the_settings_may_send_and_read(tmp_path: Path) -> None:
    text, origin = key(tmp_path, Scope.READ), {"origin": "https://shop.example"}
    settings = AccessSettings(keys_on_loopback=True, origins=("https://shop.example",))
    with guarded(tmp_path, settings) as client:
        asked = client.options("/v1/items", headers={**origin, "access-control-request-method": "GET"})
        answer = client.get("/v1/items", headers={**origin, **bearer(text)})
        for one in (asked, answer):
            assert (one.status_code, one.headers["access-control-allow-origin"]) == (200, "https://shop.example")
        assert "access-control-allow-credentials" not in answer.headers


def test_every_answer_tells_browsers_to_be_careful(tmp_path: Path) -> None:
    with TestClient(shop_app(tmp_path / "shop")) as client:
        for path in ("/v1/items", "/nowhere", "/health/live"):
            headers = client.get(path).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["content-security-policy"] == "frame-ancestors 'none'"
            assert headers["referrer-policy"] == "no-referrer"


def test_keys_and_their_refusals_are_in_the_description(tmp_path: Path) -> None:
    text = key(tmp_path, Scope.READ)
    with guarded(tmp_path, AccessSettings(keys_on_loopback=True)) as client:
        description = client.get("/openapi.json", headers=bearer(text)).json()
    assert {"bearer", "api-key"} == set(description["components"]["securitySchemes"])
    operation = description["paths"]["/v1/items/{item_id}"]["put"]
    assert operation["security"] == [{"bearer": ["write"]}, {"api-key": ["write"]}]
    assert {"401", "403", "421", "429"} <= set(operation["responses"])
    assert "401" not in description["paths"]["/health/live"]["get"]["responses"]
    with guarded(tmp_path, AccessSettings()) as client:
        operation = client.get("/openapi.json").json()["paths"]["/v1/items"]["get"]
    assert "security" not in operation
    assert "401" not in operation["responses"]
