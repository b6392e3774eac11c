from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

from fastapi.testclient import TestClient
from structlog.testing import capture_logs

from retrieval.store import open_store
from service.api.app import create_app
from service.serving import Serving
from tests.fakes import FailingEmbedder
from tests.service.api.real_server import until
from tests.service.api.shop import fill, recommender_of


@contextmanager
def open_broken_shop(home: Path) -> Iterator[Serving]:
    """A shop whose embedder fails from the first request on."""
    embedder = FailingEmbedder()
    with open_store(home=home, record_url=None, index_url=None, embedder=embedder) as store:
        fill(store)
        store.catch_up()
        embedder.broken, recommender = True, recommender_of(store)
        yield Serving(store=store, load=lambda _: nullcontext(recommender), current=lambda: None, stamp=lambda: None)


def test_a_conversation_goes_on_with_the_state_of_the_last_reply(client: TestClient) -> None:
    first = client.post("/v1/chat", json={"message": "comedies", "n": 2}).json()
    assert first["understood"] == "Comedy"
    assert len(first["items"]) == 2
    assert all("Comedy" in item["item"]["attributes"]["genres"] and item["facts"] for item in first["items"])
    second = client.post("/v1/chat", json={"message": "others please", "state": first["state"]}).json()
    assert not {i["item"]["item_id"] for i in first["items"]} & {i["item"]["item_id"] for i in second["items"]}
    assert second["understood"] == "Comedy"


def test_a_list_can_be_named_in_feedback(client: TestClient) -> None:
    reply = client.post("/v1/chat", json={"message": "horror", "user_id": "ann"}).json()
    item = reply["items"][0]["item"]
    body = {"request_id": reply["request_id"], "user_id": "ann", "item_id": item["item_id"], "kind": "click", "rank": 1}
    assert client.post("/v1/feedback", json=body).status_code in {200, 201}


def test_an_agreed_like_is_stored(client: TestClient) -> None:
    asked = client.post("/v1/chat", json={"message": "I loved “Film 7”", "user_id": "ann"}).json()
    assert asked["question"].startswith("May I keep")
    kept = client.post("/v1/chat", json={"message": "yes", "user_id": "ann", "state": asked["state"]}).json()
    assert kept["kept"] == [{"item_id": "i7", "liked": True}]
    assert client.get("/v1/users/ann/interactions/i7").json()["liked"] is True


def test_refusals(client: TestClient) -> None:
    for body, status in (
        ({"message": ""}, 422),
        ({"message": "\u200b"}, 400),
        ({"message": "x" * 2001}, 422),
        ({"message": "hello", "state": "nonsense"}, 400),
        ({"message": "hello", "model": "/etc/passwd"}, 422),
        ({"message": "hello", "user_id": "nobody"}, 404),
    ):
        answer = client.post("/v1/chat", json=body)
        assert answer.status_code == status, body
        assert answer.headers["content-type"] == "application/problem+json"
    assert client.post("/v1/chat", json={"message": "x" * 10_000_000}).status_code == 413


def test_the_reply_as_a_stream(client: TestClient) -> None:
    with client.stream("POST", "/v1/chat/stream", json={"message": "comedies"}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = "".join(answer.iter_text()).strip().split("\n\n")
    names = [event.splitlines()[0] for event in events]
    assert names == ["event: line"] * (len(names) - 1) + ["event: reply"]
    reply = json.loads(events[-1].splitlines()[1].removeprefix("data: "))
    assert [json.loads(e.splitlines()[1].removeprefix("data: ")) for e in events[:-1]] == reply["text"].splitlines()


def test_what_fails_inside_a_stream_is_an_event(client: TestClient) -> None:
    with client.stream("POST", "/v1/chat/stream", json={"message": "hi", "user_id": "nobody"}) as answer:
        body = "".join(answer.iter_text())
    assert body.startswith("event: error\n")
    assert '"status":404' in body
    assert client.post("/v1/chat/stream", json={"message": "hi", "state": "nonsense"}).status_code == 400


def test_a_reader_that_the_engine_cannot_carry_is_told(client: TestClient) -> None:
    reply = client.post("/v1/chat", json={"message": "comedies", "reader": "llm"}).json()
    assert reply["reader"] == "rules"
    assert "cannot hold its model to JSON" in reply["notes"][0]


def test_what_fails_inside_is_told_to_the_log_and_to_nobody_else(tmp_path: Path) -> None:
    with TestClient(create_app(partial(open_broken_shop, tmp_path))) as client, capture_logs() as logged:
        with client.stream("POST", "/v1/chat/stream", json={"message": "something quiet and slow"}) as answer:
            streamed = "".join(answer.iter_text())
        client.put("/v1/items/new", json={"title": "New"})
        until(lambda: "problem" in client.get("/health/ready").json())
        health = client.get("/health/ready")
    assert '"status":500' in streamed
    assert "The log of the service says what" in streamed
    assert "index could not follow" in health.json()["problem"]
    assert "disk" not in streamed + health.text
    told = [entry.get("message", entry.get("error")) for entry in logged if entry["log_level"] == "error"]
    assert told == ["the disk is full", "the disk is full"]
