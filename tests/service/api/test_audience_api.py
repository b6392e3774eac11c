"""A new item over the real HTTP interface: for whom it is, and that it is there within a second."""

from __future__ import annotations

import time
from pathlib import Path

from fastapi.testclient import TestClient

from service.api.scopes import scope_of
from service.keys.key import Scope
from tests.service.api.killing import served


def test_an_item_that_comes_in_is_recommendable_without_a_restart(tmp_path: Path) -> None:
    with served(tmp_path) as (_, client):
        client.get("/v1/items/i5/audience").raise_for_status()  # what is loaded at first is no matter of the item
        patience = time.monotonic() + 30.0
        # Alone in its domain, so that a list of that domain shows whether it can be recommended.
        body = {"title": "Film 99", "domain": "fresh", "added_at": time.time() - 1}
        assert client.put("/v1/items/new", json=body).status_code == 201
        for_ann: list[str] = []
        users: list[str] = []
        similar: list[str] = []
        while time.monotonic() < patience and not (for_ann and users and similar):
            listed = client.post("/v1/recommend", json={"user_id": "ann", "domain": "fresh"}).json()
            for_ann = [item["item_id"] for item in listed["items"]]
            users = [user["user_id"] for user in client.get("/v1/items/new/audience").json()["users"]]
            similar = [item["item_id"] for item in client.get("/v1/items/new/similar").json()["items"]]
    assert for_ann == ["new"]
    assert set(users) == {"ann", "bob"}
    assert similar


def test_an_audience_is_users_by_id_and_how_it_came_about(client: TestClient) -> None:
    answer = client.get("/v1/items/i5/audience", params={"n": 1})
    assert answer.status_code == 200
    body = answer.json()
    [user] = body["users"]
    assert set(user) == {"user_id", "rank", "score", "llm_score", "retrieval_rank", "parts", "sources"}
    assert (body["item_id"], body["ranked_by"], body["rung"], body["degraded"]) == ("i5", "llm", "full", False)
    assert body["template"]["name"] == "audience"


def test_who_was_erased_or_has_the_item_is_not_in_it(client: TestClient) -> None:
    assert [user["user_id"] for user in client.get("/v1/items/i4/audience").json()["users"]] == ["ann"]
    assert client.delete("/v1/users/ann").status_code in {200, 204}
    assert client.get("/v1/items/i4/audience").json()["users"] == []


def test_an_item_that_is_unknown_or_hidden_has_none(client: TestClient) -> None:
    assert client.get("/v1/items/nothing/audience").status_code == 404
    client.patch("/v1/items/i5", json={"hidden": True})
    assert client.get("/v1/items/i5/audience").status_code == 400


def test_only_administrators_see_users() -> None:
    assert scope_of("GET", "/v1/items/i5/audience") is Scope.ADMIN
