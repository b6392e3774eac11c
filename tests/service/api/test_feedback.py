"""Feedback joins to the list that showed the item, counts once, and changes the next list at once."""

from __future__ import annotations

import time
from typing import Any

import pytest
from fastapi.testclient import TestClient


def shown(client: TestClient, user_id: str = "ann", n: int = 3) -> dict[str, Any]:
    answer: dict[str, Any] = client.post("/v1/recommend", json={"user_id": user_id, "n": n}).json()
    return answer


def give(client: TestClient, status: int, **body: Any) -> dict[str, Any]:
    answer = client.post("/v1/feedback", json={"user_id": "ann", "item_id": "i2", "kind": "like", **body})
    assert answer.status_code == status, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_feedback_names_its_list_and_so_its_prompt_and_model(client: TestClient) -> None:
    answer = shown(client)
    second = answer["items"][1]["item_id"]
    stored = give(client, 201, item_id=second, kind="click", request_id=answer["request_id"])
    assert stored["rank"] == 2
    listed = client.get(f"/v1/requests/{stored['request_id']}").json()
    assert listed["item_ids"] == [item["item_id"] for item in answer["items"]]
    assert (listed["user_id"], listed["door"]) == ("ann", "recommend")
    assert listed["prompt_digest"] == answer["prompt_digest"]
    assert listed["model"].startswith(answer["model"]["name"])
    assert answer["template"]["digest"] in listed["template"]
    assert client.get("/v1/requests/unknown").status_code == 404


@pytest.mark.parametrize(("kind", "liked"), [("like", True), ("buy", True), ("dislike", False)])
def test_taste_changes_the_next_list_at_once(client: TestClient, kind: str, liked: bool) -> None:
    best = shown(client)["items"][0]["item_id"]
    give(client, 201, item_id=best, kind=kind)
    after = shown(client, n=100)
    assert best not in {item["item_id"] for item in after["items"]}
    assert after["counts"]["history"] == 2
    assert client.get(f"/v1/users/ann/interactions/{best}").json()["liked"] is liked


def test_what_is_dismissed_does_not_come_back_and_is_no_interaction(client: TestClient) -> None:
    give(client, 201, kind="dismiss")
    assert "i2" not in {item["item_id"] for item in shown(client, n=100)["items"]}
    assert "i2" in {item["item_id"] for item in client.post("/v1/recommend", json={"n": 100}).json()["items"]}
    assert client.get("/v1/users/ann/interactions/i2").status_code == 404


@pytest.mark.parametrize("kind", ["view", "click"])
def test_a_look_is_kept_and_changes_nothing(client: TestClient, kind: str) -> None:
    give(client, 201, kind=kind)
    assert "i2" in {item["item_id"] for item in shown(client, n=100)["items"]}


def test_the_same_feedback_again_counts_once(client: TestClient) -> None:
    first = give(client, 201, feedback_id="f-1")
    time.sleep(0.01)
    assert give(client, 200, feedback_id="f-1") == first
    assert len(client.get("/v1/users/ann/export").json()["feedback"]) == 1
    told = give(client, 409, feedback_id="f-1", kind="dislike")
    assert "choose a new id" in told["detail"]
    give(client, 409, feedback_id="f-1", item_id="i3")


def test_what_cannot_be_joined_is_refused(client: TestClient) -> None:
    answer = shown(client, n=2)
    named = {"request_id": answer["request_id"]}
    inside = answer["items"][0]["item_id"]
    outside = next(f"i{n}" for n in range(1, 8) if f"i{n}" not in {item["item_id"] for item in answer["items"]})
    assert "was not in list" in give(client, 400, item_id=outside, **named)["detail"]
    assert "was at rank 1" in give(client, 400, item_id=inside, rank=2, **named)["detail"]
    assert "another user" in give(client, 400, item_id=inside, user_id="bob", **named)["detail"]
    assert "no list" in give(client, 404, request_id="unknown")["detail"]
    assert "no user 'nobody'" in give(client, 404, user_id="nobody")["detail"]
    assert "no item 'gone'" in give(client, 404, item_id="gone")["detail"]
    give(client, 422, kind="applause")
    client.delete(f"/v1/items/{inside}")
    assert "no item" in give(client, 404, item_id=inside, **named)["detail"]


def test_anybody_may_speak_of_a_strangers_list(client: TestClient) -> None:
    answer = client.post("/v1/session/recommend", json={"items": [{"item_id": "i0"}], "n": 2}).json()
    item_id = answer["items"][0]["item_id"]
    assert give(client, 201, item_id=item_id, request_id=answer["request_id"])["rank"] == 1


def test_clocks_that_are_wrong(client: TestClient) -> None:
    now = time.time()
    assert "in the future" in give(client, 400, timestamp=now + 3600)["detail"]
    assert give(client, 201, timestamp=now + 60)["timestamp"] <= time.time(), "a clock a little ahead is put right"
    assert "i2" not in {item["item_id"] for item in shown(client, n=100)["items"]}
    give(client, 201, kind="dislike", timestamp=now - 3600)
    assert client.get("/v1/users/ann/interactions/i2").json()["liked"] is True, "the later one stands"
