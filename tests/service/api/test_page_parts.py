"""The page's files and the paths that came with it: picks, search, the prompt."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from prompts.types import Dialogue, Dropped, Message, TemplateRef
from service.api.prompt_shapes import PromptOut
from tests.e2e.page_shop import page_shop_app

PAGE = files("service.page")
PARTS = sorted(one.name for one in PAGE.iterdir() if one.name.rsplit(".")[-1] in {"html", "css", "js", "json", "svg"})


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(page_shop_app(tmp_path / "shop"), base_url="http://localhost") as running:
        yield running


def test_every_part_comes_with_its_type_and_the_browser_is_held_to_it(client: TestClient) -> None:
    for path in ["/", *(f"/page/{name}" for name in PARTS)]:
        answer = client.get(path)
        assert answer.status_code == 200
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'")
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert client.get("/").headers["content-type"].startswith("text/html")
    assert client.get("/page/app.js").headers["content-type"].startswith("text/javascript")


def test_nothing_else_is_served(client: TestClient) -> None:
    for name in ("__init__.py", "nothing.js", "..%2fapi%2fpage.py", "%2e%2e", "page.css%00", ""):
        assert client.get(f"/page/{name}").status_code == 404, name


def test_the_page_is_small_names_no_other_host_and_makes_no_markup_of_text() -> None:
    texts = {name: PAGE.joinpath(name).read_text("utf-8") for name in PARTS}
    assert sum(len(text.encode()) for text in texts.values()) < 74_500
    for name, text in texts.items():
        assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text), name
        assert not re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|\sstyle=|\son\w+=", text
        ), name


def test_both_languages_say_the_same_things_and_all_that_is_asked_for() -> None:
    english, chinese = (json.loads(PAGE.joinpath(f"{name}.json").read_text("utf-8")) for name in ("en", "zh"))
    assert list(english) == list(chinese)
    for key, text in english.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", chinese[key])), key
    page = PAGE.joinpath("index.html").read_text("utf-8")
    for key, shown in re.findall(r'data-word="([\w.]+)"[^>]*>([^<]+)<', page):
        assert english[key] == shown
    assert set(re.findall(r'data-(?:word|label|hint)="([\w.]+)"', page)) <= set(english)


def test_picks_are_known_unseen_and_unlike(client: TestClient) -> None:
    every = [item["item_id"] for item in client.get("/v1/picks", params={"n": 8}).json()["items"]]
    assert len(set(every)) == 8
    assert every[0] == "i0"  # two took it
    mine = [item["item_id"] for item in client.get("/v1/picks", params={"user_id": "bob"}).json()["items"]]
    assert set(mine) == {"i5", "i6", "i7"}
    body = {"user_id": "bob", "item_id": "i6", "kind": "dismiss"}
    assert client.post("/v1/feedback", json=body).status_code == 201
    assert "i6" not in client.get("/v1/picks", params={"user_id": "bob"}).text
    assert client.get("/v1/picks", params={"user_id": "nobody"}).status_code == 404
    assert client.get("/v1/picks", params={"n": 0}).status_code == 422


def test_search(client: TestClient) -> None:
    found = client.get("/v1/search", params={"q": "film 3", "n": 2}).json()["items"]
    assert found[0]["item_id"] == "i3"
    assert len(found) == 2
    assert client.get("/v1/search", params={"q": ""}).status_code == 422
    assert client.get("/v1/search", params={"q": " "}).json() == {"items": []}


def test_the_prompt_is_that_of_the_list(shop: TestClient) -> None:
    body = {"user_id": "viewer-09", "n": 5}
    answer = shop.post("/v1/recommend", json=body).json()
    prompt = shop.post("/v1/prompt", json=body).json()["prompt"]
    assert prompt["digest"] == answer["prompt_digest"]
    assert prompt["template"] == answer["template"]
    assert prompt["dropped"] == answer["dropped"]
    assert len(prompt["slot"]["branches"]) == answer["counts"]["candidates"]
    assert prompt["labels"] is None
    assert "oldest first" in prompt["turns"][-1]["content"]

    assert shop.post("/v1/prompt", json={}).json() == {"prompt": None}
    assert shop.post("/v1/prompt", json={"user_id": "nobody"}).status_code == 404


def test_a_recommender_that_cannot_say_how_it_asks_gives_no_prompt(client: TestClient) -> None:
    assert client.post("/v1/prompt", json={"user_id": "ann"}).json() == {"prompt": None}


def test_a_dialogue_has_no_slot() -> None:
    dialogue = Dialogue(
        messages=(Message(role="user", content="Rank [1] Alien [2] Heat"),),
        answer="Order:",
        template=TemplateRef(name="listwise", version=1, language="en", digest="d" * 12),
        dropped=Dropped(history=2),
    )
    told = PromptOut.of(dialogue)
    assert (told.slot, told.labels, told.answer, told.dropped.history) == (None, None, "Order:", 2)
    assert told.digest == dialogue.digest
