"""The official Gorse client."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from gorse import AsyncGorse, Gorse, GorseException  # type: ignore[import-untyped]

NOON = "2024-05-01T12:00:00Z"


def refusal(asked: Callable[[], object]) -> Any:
    with pytest.raises(GorseException) as refused:
        asked()
    return refused.value


@pytest.fixture
def client(address: str) -> Gorse:
    return Gorse(address, "no key")


@pytest.fixture
def heat(client: Gorse) -> Iterator[dict[str, Any]]:
    item = {
        "ItemId": "heat",
        "IsHidden": False,
        "Categories": ["films", "crime"],
        "Timestamp": NOON,
        "Labels": {"year": 1995, "actors": ["Pacino", "De Niro"], "seen": True, "by": "Mann"},
        "Comment": "Heat",
    }
    assert client.insert_item(item) == {"RowAffected": 1}
    yield item
    client.delete_item("heat")


@pytest.fixture
def eve(client: Gorse) -> Iterator[dict[str, Any]]:
    user = {"UserId": "eve", "Labels": ["a", "b"], "Comment": "new here"}
    assert client.insert_user(user) == {"RowAffected": 1}
    yield user
    client.delete_user("eve")


def test_an_item_comes_back_as_it_was_sent_and_changes(client: Gorse, heat: dict[str, Any]) -> None:
    assert client.get_item("heat") == heat
    assert client.update_item("heat", is_hidden=True, labels=["x"], comment="Heat (1995)") == {"RowAffected": 1}
    changed = {**heat, "IsHidden": True, "Labels": ["x"], "Comment": "Heat (1995)"}
    assert client.get_item("heat") == changed
    client.update_item("heat", categories=[], timestamp="2024-05-02")
    assert client.get_item("heat") == {**changed, "Categories": [], "Timestamp": "2024-05-02T00:00:00Z"}
    assert client.delete_item("heat") == {"RowAffected": 1}
    assert client.delete_item("heat") == {"RowAffected": 0}
    assert refusal(lambda: client.get_item("heat")).status_code == 404
    assert refusal(lambda: client.update_item("heat", comment="x")).status_code == 404


def test_an_item_with_nothing_but_an_id(client: Gorse) -> None:
    client.insert_item({"ItemId": "bare", "Categories": None, "Labels": None, "Timestamp": "0001-01-01T00:00:00Z"})
    bare = {"ItemId": "bare", "IsHidden": False, "Categories": [], "Labels": {}, "Comment": ""}
    assert client.get_item("bare") == {**bare, "Timestamp": "0001-01-01T00:00:00Z"}
    client.delete_item("bare")


def test_items_by_pages_and_by_words(client: Gorse) -> None:
    seen, cursor = [], ""
    while True:
        items, cursor = client.get_items(3, cursor)
        seen += [item["ItemId"] for item in items]
        if not cursor:
            break
    assert seen == [f"i{n}" for n in range(8)]
    assert client.search_items("Film 3", n=2)[0]["ItemId"] in seen


def test_users(client: Gorse, eve: dict[str, Any]) -> None:
    assert client.get_user("eve") == eve
    assert client.insert_users([eve, {"UserId": "mia", "Labels": {"age": 30}}]) == {"RowAffected": 2}
    first, cursor = client.get_users(3)
    rest, end = client.get_users(3, cursor)
    assert [user["UserId"] for user in first + rest] == ["ann", "bob", "eve", "mia"]
    assert end == ""
    assert rest[0]["Labels"] == {"age": 30}
    assert client.delete_user("mia") == {"RowAffected": 1}
    assert client.delete_user("mia") == {"RowAffected": 0}
    assert refusal(lambda: client.get_user("mia")).status_code == 404


def test_feedback_changes_the_next_list_and_can_be_taken_back(client: Gorse, eve: dict[str, Any]) -> None:
    assert "i6" in {score.id for score in client.get_recommend("eve")}
    assert client.insert_feedback("star", "eve", "i6", NOON, value=1.0) == {"RowAffected": 1}
    again = {"FeedbackType": "star", "UserId": "eve", "ItemId": "i6", "Timestamp": NOON}
    client.insert_feedbacks([again, {**again, "FeedbackType": "read"}])
    assert client.list_feedbacks("star", "eve") == [{**again, "Value": 0.0, "Comment": ""}]
    assert "i6" not in {score.id for score in client.get_recommend("eve")}
    assert client.delete_feedback("eve", "i6") == {"RowAffected": 2}
    assert client.delete_feedback("eve", "i6") == {"RowAffected": 0}
    assert client.list_feedbacks("star", "eve") == []
    assert "i6" in {score.id for score in client.get_recommend("eve")}


def test_feedback_of_new_users_and_items(client: Gorse) -> None:
    client.insert_feedback("like", "zoe", "unheard-of", NOON)
    assert client.get_item("unheard-of")["IsHidden"] is True
    assert [one["ItemId"] for one in client.list_feedbacks("like", "zoe")] == ["unheard-of"]
    client.delete_user("zoe")
    client.delete_item("unheard-of")


def test_all_feedback_by_pages(client: Gorse, address: str, eve: dict[str, Any]) -> None:
    now = datetime.now(UTC).isoformat()
    client.insert_feedbacks(
        [{"FeedbackType": "read", "UserId": "eve", "ItemId": f"i{n}", "Timestamp": now} for n in range(3)]
    )
    httpx.post(f"{address}/v1/feedback", json={"user_id": "eve", "item_id": "i4", "kind": "click"})
    first, cursor = client.get_feedbacks(3)
    rest, end = client.get_feedbacks(3, cursor)
    assert end == ""
    assert {(one["FeedbackType"], one["ItemId"]) for one in first + rest} == {
        *(("read", f"i{n}") for n in range(3)),
        ("click", "i4"),
    }
    assert len(httpx.get(f"{address}/api/user/eve/feedback").json()) == 4
    assert len(httpx.get(f"{address}/api/feedback/eve/i0").json()) == 1


def test_lists(client: Gorse, address: str, heat: dict[str, Any], eve: dict[str, Any]) -> None:
    ten = client.get_recommend("ann")
    assert [score.score for score in ten] == sorted((score.score for score in ten), reverse=True)
    assert "i0" not in {score.id for score in ten}
    page = client.get_recommend("ann", n=2, offset=1)
    assert len(page) == 2
    assert [score.id for score in client.get_recommend("ann", category="crime")] == ["heat"]
    both = httpx.get(f"{address}/api/recommend/ann", params={"category": ["crime", "films"]})
    assert both.json() == ["heat"]
    stranger = client.get_recommend("never seen", n=3)
    assert len(stranger) == 3
    shown = client.get_recommend("eve", n=2, write_back_type="read", write_back_delay="0s")
    client.get_recommend("eve", n=2, write_back_type="read")
    read = client.list_feedbacks("read", "eve")
    assert {one["ItemId"] for one in read} >= {score.id for score in shown}


def test_a_visitor_and_the_neighbours_of_an_item(client: Gorse) -> None:
    did = [{"FeedbackType": "star", "UserId": "", "ItemId": "i1", "Timestamp": NOON}]
    found = client.session_recommend(did, n=3)
    assert len(found) == 3
    assert "i1" not in {one["Id"] for one in found}
    near: list[Any] = client.get_neighbors("i1", n=2, offset=1)
    assert len(near) == 2
    assert near == client.get_neighbors("i1", n=3)[1:]


async def test_the_client_for_event_loops(address: str) -> None:
    client = AsyncGorse(address, "no key")
    assert len(await client.get_recommend("ann", n=2)) == 2
    assert (await client.get_items(1))[0][0]["ItemId"] == "i0"


def test_refusals(client: Gorse) -> None:
    feedback = {"FeedbackType": "star", "UserId": "ann", "ItemId": "i3", "Timestamp": NOON}
    later = datetime.fromtimestamp(time.time() + 3600, UTC).isoformat()
    item = {"ItemId": "x", "Comment": "x"}
    for asked, status, told in (
        (lambda: client.insert_feedbacks([{**feedback, "FeedbackType": "sneeze"}]), 400, "type 'sneeze' is not known"),
        (lambda: client.insert_feedbacks([{**feedback, "Timestamp": later}]), 400, "in the future"),
        (lambda: client.insert_feedbacks([{**feedback, "Timestamp": "1969-01-01"}]), 400, "before 1970"),
        (lambda: client.insert_feedbacks([{**feedback, "UserId": ""}]), 422, "UserId"),
        (lambda: client.insert_item({**item, "Labels": {"a": {"b": [0.1]}}}), 422, "Labels"),
        (lambda: client.insert_item({**item, "Comment": "a\0b"}), 400, "'x'"),
        (lambda: client.insert_item({**item, "Timestamp": "9999-12-31T23:59:59-05:00"}), 400, "too far ahead"),
        (lambda: client.insert_item({**item, "Labels": {"categories": "x"}}), 400, "a field of its own"),
        (lambda: client.get_recommend("ann", n=1000), 422, "less than or equal"),
        (lambda: client.get_recommend("ann", write_back_type="sneeze"), 400, "not known"),
        (lambda: client.get_recommend("ann", write_back_type="read", write_back_delay="10m"), 400, "write-back-delay"),
        (lambda: client.get_items(1, "nonsense!"), 400, "cursor"),
        (lambda: client.session_recommend([{"FeedbackType": "star", "ItemId": "nothing"}]), 404, "no item"),
    ):
        refused = refusal(asked)
        assert refused.status_code == status, told
        assert told in refused.message
    assert refusal(lambda: client.get_item("x")).status_code == 404
