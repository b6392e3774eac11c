"""Items, users and interactions over HTTP: what is written is there, and every list honours it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.api.fields import cursor_after


def recommended(client: TestClient, **body: Any) -> set[str]:
    answer = client.post("/v1/recommend", json={"n": 100, **body})
    assert answer.status_code == 200, answer.text
    return {item["item_id"] for item in answer.json()["items"]}


def lines(*rows: object) -> bytes:
    return b"\n".join(row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows)


def test_an_item_is_created_once_replaced_changed_and_deleted(client: TestClient) -> None:
    body = {"title": "Heat", "attributes": {"genres": ["Crime"], "year": 1995, "seen": True}}
    assert client.put("/v1/items/heat", json=body).status_code == 201
    assert client.put("/v1/items/heat", json=body).status_code == 200
    stored = client.get("/v1/items/heat").json()
    assert stored["attributes"] == {"genres": ["Crime"], "year": 1995, "seen": True}

    changes = {"attributes": {"seen": None, "mood": "dark"}, "description": "Two men meet."}
    changed = client.patch("/v1/items/heat", json=changes).json()
    assert changed == client.get("/v1/items/heat").json()
    assert changed["attributes"] == {"genres": ["Crime"], "year": 1995, "mood": "dark"}
    assert (changed["title"], changed["description"]) == ("Heat", "Two men meet.")
    assert client.patch("/v1/items/heat", json={"description": None, "title": None}).json()["description"] is None

    assert client.delete("/v1/items/heat").status_code == 204
    for answer in (client.get("/v1/items/heat"), client.delete("/v1/items/heat"), client.patch("/v1/items/x", json={})):
        assert answer.status_code == 404


@pytest.mark.parametrize(
    "body", [{"user_id": "ann"}, {"user_id": "ann", "query": "film"}, {}, {"user_id": "ann", "filters": ["year>=1990"]}]
)
@pytest.mark.parametrize("change", [{"hidden": True}, {"expires_at": 5.0}])
def test_hidden_and_expired_items_come_from_no_source(
    client: TestClient, body: dict[str, Any], change: dict[str, Any]
) -> None:
    assert "i2" in recommended(client, **body)
    assert client.patch("/v1/items/i2", json=change).status_code == 200
    assert "i2" not in recommended(client, **body)
    session = client.post("/v1/session/recommend", json={"items": [{"item_id": "i3"}], "n": 100}).json()
    similar = client.get("/v1/items/i3/similar?n=100").json()
    assert not {"i2"} & {item["item_id"] for item in (*session["items"], *similar["items"])}
    client.patch("/v1/items/i2", json={"hidden": False, "expires_at": time.time() + 3600})
    assert "i2" in recommended(client, **body)


def test_a_session_is_a_list_for_somebody_unknown(client: TestClient) -> None:
    answer = client.post("/v1/session/recommend", json={"items": [{"item_id": "i0"}, {"item_id": "i1"}], "n": 9}).json()
    assert answer["user_id"] is None
    assert answer["counts"]["history"] == 2
    sources = {item["item_id"]: {source["name"] for source in item["sources"]} for item in answer["items"]}
    assert sources.keys() == {f"i{n}" for n in range(2, 8)}
    assert {key for key, names in sources.items() if "cooccurrence" in names} == {"i2", "i3", "i4"}, "as bob took them"
    unknown = client.post("/v1/session/recommend", json={"items": [{"item_id": "gone"}]})
    assert (unknown.status_code, "no item 'gone'" in unknown.text) == (404, True)


def test_similar_items_leave_the_item_itself_out_and_have_a_request_id(client: TestClient) -> None:
    answer = client.get("/v1/items/i1/similar?n=4").json()
    assert len(answer["items"]) == 4
    assert "i1" not in {item["item_id"] for item in answer["items"]}
    assert client.get(f"/v1/requests/{answer['request_id']}").json()["door"] == "similar"
    assert client.get("/v1/items/gone/similar").status_code == 404


def test_lists_are_read_page_by_page(client: TestClient) -> None:
    found: list[str] = []
    cursor: str | None = None
    while cursor is not None or not found:
        page = client.get("/v1/items", params={"limit": 3} | ({} if cursor is None else {"cursor": cursor})).json()
        found += [item["item_id"] for item in page["items"]]
        cursor = page["cursor"]
    assert found == [f"i{n}" for n in range(8)]
    assert [user["user_id"] for user in client.get("/v1/users").json()["users"]] == ["ann", "bob"]
    first = client.get("/v1/users/bob/interactions?limit=4").json()
    rest = client.get("/v1/users/bob/interactions", params={"cursor": first["cursor"]}).json()
    assert [one["item_id"] for one in (*first["interactions"], *rest["interactions"])] == [f"i{n}" for n in range(5)]
    assert rest["cursor"] is None


@pytest.mark.parametrize("cursor", ["?", "AAAA", "a", "é", cursor_after("\0")])
def test_a_cursor_of_ones_own_is_refused(client: TestClient, cursor: str) -> None:
    answer = client.get("/v1/items", params={"cursor": cursor})
    assert (answer.status_code, "leave it out" in answer.text) == (400, True)


def test_users_and_interactions(client: TestClient) -> None:
    assert client.put("/v1/users/eve", json={"attributes": {"age": 30}}).status_code == 201
    assert client.patch("/v1/users/eve", json={"attributes": {"city": "Oslo"}}).json()["attributes"] == {
        "age": 30,
        "city": "Oslo",
    }
    one = "/v1/users/eve/interactions/i5"
    assert "i5" in recommended(client, user_id="eve")
    assert client.put(one, json={"liked": False, "rating": 1, "timestamp": 5}).status_code == 201
    assert client.put(one, json={"liked": False, "rating": 2, "timestamp": 5}).status_code == 200
    assert "i5" not in recommended(client, user_id="eve")
    assert client.patch(one, json={"liked": True, "rating": None}).json() == client.get(one).json()
    assert client.get(one).json() == {
        "user_id": "eve",
        "item_id": "i5",
        "timestamp": 5.0,
        "liked": True,
        "rating": None,
    }
    assert client.delete(one).status_code == 204
    assert "i5" in recommended(client, user_id="eve")
    for answer in (
        client.get(one),
        client.delete(one),
        client.patch(one, json={}),
        client.put("/v1/users/eve/interactions/gone", json={}),
        client.put("/v1/users/nobody/interactions/i5", json={}),
        client.get("/v1/users/nobody/interactions"),
        client.get("/v1/users/nobody"),
        client.patch("/v1/users/nobody", json={}),
    ):
        assert answer.status_code == 404


def test_a_new_item_can_be_found_a_moment_later(client: TestClient) -> None:
    client.put("/v1/items/new", json={"title": "Submarine adventure"})
    deadline = time.monotonic() + 10
    while client.get("/health/ready").json().get("indexing") and time.monotonic() < deadline:
        time.sleep(0.01)
    answer = client.post("/v1/recommend", json={"query": "submarine adventure", "n": 1}).json()
    assert "text" in {source["name"] for source in answer["items"][0]["sources"]}
    assert answer["items"][0]["item_id"] == "new"


def test_bulk_takes_what_is_good_and_says_what_is_not(client: TestClient) -> None:
    body = lines(
        {"item_id": "a", "title": "A"},
        {"item_id": "b"},
        b"",
        b"not json",
        {"item_id": "a", "title": "A again"},
        {"item_id": "c", "title": "\ud800"},
        {"item_id": "i0", "title": "Film 0", "attributes": {"genres": ["Horror"], "year": 1990.0}},
        b"[" * 10_000,
    )
    answer = client.post("/v1/items/bulk", content=body).json()
    assert {key: value for key, value in answer.items() if key != "rejects"} == {
        "read": 7,
        "inserted": 1,
        "updated": 0,
        "unchanged": 1,
        "repeated": 1,
        "rejected": 4,
    }
    assert [reject["line"] for reject in answer["rejects"]] == [2, 4, 6, 8]
    assert answer["rejects"][0]["reason"] == "title: Field required"
    assert client.get("/v1/items/a").json()["title"] == "A again"
    assert client.post("/v1/items/bulk", content=body).json()["inserted"] == 0


def test_bulk_of_users_and_interactions(client: TestClient) -> None:
    assert client.post("/v1/users/bulk", content=lines({"user_id": "eve"})).json()["inserted"] == 1
    answer = client.post(
        "/v1/interactions/bulk",
        content=lines(
            {"user_id": "eve", "item_id": "i1", "timestamp": 1},
            {"user_id": "eve", "item_id": "gone", "timestamp": 1},
            {"user_id": "nobody", "item_id": "i1", "timestamp": 1},
            {"user_id": "eve", "item_id": "i2"},
            {"user_id": "eve", "item_id": "i3", "timestamp": time.time() + 7200},
        ),
    ).json()
    assert (answer["inserted"], answer["rejected"]) == (1, 4)
    reasons = {reject["line"]: reject["reason"] for reject in answer["rejects"]}
    assert reasons[2] == "no item 'gone' in the store"
    assert reasons[3] == "no user 'nobody' in the store"
    assert reasons[4] == "timestamp: Field required"
    assert "in the future" in reasons[5]


def test_a_line_without_an_end_is_refused(client: TestClient) -> None:
    assert client.post("/v1/items/bulk", content=b"x" * (3 << 20)).status_code == 400


@pytest.mark.parametrize("given", ["a%00b", "a%1Fb", "%7F", "x" * 513])
def test_ids_that_no_store_takes_are_refused(client: TestClient, given: str) -> None:
    for path in (f"/v1/items/{given}", f"/v1/users/{given}", f"/v1/users/{given}/export"):
        assert client.get(path).status_code == 422


@pytest.mark.parametrize("given", ["日本", "a b", "%F0%9F%98%80", "a+b", "é", "a:b", "%FF"])
def test_ids_of_every_script_are_taken(client: TestClient, given: str) -> None:
    assert client.put(f"/v1/items/{given}", json={"title": "T"}).status_code == 201
    stored = client.get(f"/v1/items/{given}").json()["item_id"]
    assert stored in {item["item_id"] for item in client.get("/v1/items").json()["items"]}
