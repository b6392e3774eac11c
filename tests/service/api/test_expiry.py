"""Many items are taken out of all lists by one call."""

from __future__ import annotations

import time

import pytest
from fastapi.testclient import TestClient

from tests.service.api.test_stored import recommended


def test_what_expires_is_in_no_list_any_more_and_a_dry_run_tells_it_before(client: TestClient) -> None:
    body = {"filters": ["genres=Horror"], "dry_run": True}
    told = client.post("/v1/items/expire", json=body).json()
    assert told["n"] == len(told["item_ids"]) > 0
    meant = set(told["item_ids"])
    asked: list[dict[str, object]] = [{"user_id": "ann"}, {"query": "film"}, {}]
    assert all(meant & recommended(client, **one) for one in asked)

    done = client.post("/v1/items/expire", json={**body, "dry_run": False}).json()
    assert set(done["item_ids"]) == meant
    assert not any(meant & recommended(client, **one) for one in asked)
    left = next(iter(recommended(client)))
    session = client.post("/v1/session/recommend", json={"items": [{"item_id": left}], "n": 100}).json()
    similar = client.get(f"/v1/items/{left}/similar?n=100").json()
    assert not meant & {item["item_id"] for item in (*session["items"], *similar["items"])}
    assert client.post("/v1/items/expire", json={**body, "dry_run": False}).json()["n"] == 0


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({}, 400, "say which items expire"),
        ({"filters": ["colour=red"]}, 400, "no item has an attribute 'colour'"),
        ({"older_than_days": 0}, 422, "greater than 0"),
        ({"older_than_days": -1}, 422, "greater than 0"),
    ],
)
def test_what_says_nothing_clear_expires_nothing(
    client: TestClient, body: dict[str, object], status: int, says: str
) -> None:
    answer = client.post("/v1/items/expire", json=body)
    assert answer.status_code == status
    assert says in answer.text
    assert len(recommended(client)) == 8


def test_times_of_a_session_must_not_go_backwards(client: TestClient) -> None:
    items: list[dict[str, object]] = [
        {"item_id": "i0", "at": 2000.0},
        {"item_id": "i1"},
        {"item_id": "i2", "at": 1000.0},
    ]
    refused = client.post("/v1/session/recommend", json={"items": items})
    assert refused.status_code == 400
    assert "oldest first" in refused.json()["detail"]
    items[2]["at"] = 3000.0
    assert client.post("/v1/session/recommend", json={"items": items}).json()["counts"]["history"] == 3


def test_an_item_without_a_domain_is_of_items_and_an_empty_name_is_refused(client: TestClient) -> None:
    assert client.put("/v1/items/lost", json={"title": "Lost"}).json()["domain"] == "items"
    assert "lost" in recommended(client, domain="items")
    assert client.put("/v1/items/lost", json={"title": "Lost", "domain": ""}).status_code == 422
    assert client.post("/v1/recommend", json={"domain": ""}).status_code == 422


def test_an_item_from_the_future_waits_until_its_time_as_after_a_clock_that_went_back(client: TestClient) -> None:
    for moment, there in ((time.time() + 3600, False), (time.time() - 1, True)):
        client.put("/v1/items/soon", json={"title": "Soon", "added_at": moment})
        assert ("soon" in recommended(client)) is there
