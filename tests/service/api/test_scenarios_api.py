"""Scenarios over HTTP: a request names one, and the answer says which it was and what it did."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from ranking.settings import load_settings
from service.api.app import create_app
from tests.service.api.test_experiments import open_shop

OURS = """
about: no comedies
settings:
  arrangement:
    rules:
      - {kind: block, name: no comedies, items: ["genres=Comedy"]}
      - {kind: pin, name: ours, id: i6, rank: 1}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[TestClient]:
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "ours.yaml").write_text(OURS, encoding="utf-8")
    settings = load_settings(home=tmp_path, strategy="likelihood")
    with TestClient(create_app(partial(open_shop, settings))) as running:
        yield running


def test_the_answer_names_the_scenario_and_what_it_did(shop: TestClient) -> None:
    plain = shop.post("/v1/recommend", json={"user_id": "ann", "n": 3}).json()
    assert (plain["scenario"], plain["changes"]) == (None, [])
    ours = shop.post("/v1/recommend", json={"user_id": "ann", "n": 3, "scenario": "ours"}).json()
    assert ours["scenario"] == "ours"
    assert ours["items"][0]["item_id"] == "i6"
    assert all(item["attributes"]["genres"] == ["Horror"] for item in ours["items"])
    pinned = ours["changes"][0]
    assert (pinned["item_id"], pinned["kind"], pinned["rule"], pinned["after"]) == ("i6", "pin", "ours", 1)


def test_a_visitor_can_name_one_too(shop: TestClient) -> None:
    body = {"items": [{"item_id": "i0"}], "n": 2, "scenario": "ours"}
    answer = shop.post("/v1/session/recommend", json=body).json()
    assert (answer["scenario"], answer["items"][0]["item_id"]) == ("ours", "i6")


def test_a_chat_can_name_one_too(shop: TestClient) -> None:
    reply = shop.post("/v1/chat", json={"message": "horror", "user_id": "ann", "scenario": "ours"}).json()
    assert (reply["scenario"], reply["items"][0]["item"]["item_id"]) == ("ours", "i6")
    plain = shop.post("/v1/chat", json={"message": "horror", "state": reply["state"]}).json()
    assert plain["scenario"] is None
    body = {"model": "fewrec", "messages": [{"role": "user", "content": "horror"}], "scenario": "ours"}
    assert shop.post("/v1/chat/completions", json=body).json()["fewrec"]["scenario"] == "ours"


def test_the_log_tells_which_scenario_a_list_is_of(shop: TestClient) -> None:
    bodies = ({"user_id": "ann", "scenario": "ours"}, {"user_id": "ann"})
    asked = [shop.post("/v1/recommend", json=body).json()["request_id"] for body in bodies]
    said = {"message": "horror", "user_id": "ann", "scenario": "ours"}
    asked.append(shop.post("/v1/chat", json=said).json()["request_id"])
    assert [shop.get(f"/v1/requests/{one}").json()["scenario"] for one in asked] == ["ours", None, "ours"]
    shown = {one["request_id"]: one["scenario"] for one in shop.get("/v1/users/ann/export").json()["shown"]}
    assert [shown[one] for one in asked] == ["ours", None, "ours"]


def test_a_name_that_does_not_exist_is_refused_with_the_nearest_one(shop: TestClient) -> None:
    refused = shop.post("/v1/recommend", json={"user_id": "ann", "scenario": "our"})
    assert refused.status_code == 400
    assert "did you mean 'ours'" in refused.json()["detail"]
    for door in ("chat", "chat/stream"):
        body = {"message": "horror", "scenario": "our"}
        assert shop.post(f"/v1/{door}", json=body).json()["detail"] == refused.json()["detail"]


def test_the_names_can_be_asked_for(shop: TestClient) -> None:
    known = {one["name"]: one["about"] for one in shop.get("/v1/scenarios").json()["scenarios"]}
    assert known["ours"] == "no comedies"
    assert {"home", "news", "music", "new-items", "cross-domain"} <= known.keys()


def test_a_service_without_any_says_so(client: TestClient) -> None:
    assert client.get("/v1/scenarios").json() == {"scenarios": []}
    assert client.post("/v1/recommend", json={"scenario": "home"}).status_code == 400


def test_the_prompt_is_that_of_the_scenario(shop: TestClient) -> None:
    body = {"user_id": "ann", "n": 3, "scenario": "ours"}
    assert shop.post("/v1/prompt", json=body).status_code == 200
    assert shop.post("/v1/prompt", json={**body, "scenario": "our"}).status_code == 400
