"""An experiment from the first list to its report: a real server, a real record, and the command beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from typer.testing import CliRunner

from ranking.experiments.arms import open_arms
from ranking.experiments.assignment import arm_of
from ranking.settings import Settings, load_settings
from retrieval.store import open_store
from service.api.app import create_app
from service.cli.main import app
from service.metrics import Metrics
from service.serving import Serving, answered
from tests.fakes import HashingEmbedder
from tests.ranking.flaky_engine import FlakyEngine
from tests.service.api.real_server import running
from tests.service.api.shop import fill

SPLIT: dict[str, Any] = {
    "name": "e",
    "seed": 3,
    "arms": [{"name": "llm"}, {"name": "signals", "settings": {"fusion": {"llm": 0}}}],
}
TOGETHER = {**SPLIT, "mode": "interleave"}


@contextmanager
def open_shop(settings: Settings) -> Iterator[Serving]:
    metrics, engine = Metrics(), FlakyEngine()
    with open_store(home=settings.home, record_url=None, index_url=None, embedder=HashingEmbedder()) as store:
        fill(store)
        store.catch_up()
        yield Serving(
            store=store,
            load=lambda promotion: open_arms(
                store, settings, promotion, partial(answered, metrics), lambda _: nullcontext(engine)
            ),
            current=lambda: None,
            stamp=lambda: None,
            metrics=metrics,
        )


@contextmanager
def served(experiment: dict[str, Any]) -> Iterator[httpx.Client]:
    settings = load_settings(strategy="likelihood", experiments=[experiment])
    with running(create_app(partial(open_shop, settings))) as client:
        yield client


def ask(client: httpx.Client, user_id: str, n: int = 4) -> dict[str, Any]:
    answer = client.post("/v1/recommend", json={"user_id": user_id, "n": n})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def give(client: httpx.Client, answer: dict[str, Any], kind: str, place: int = 0) -> None:
    body = {"user_id": answer["user_id"], "item_id": answer["items"][place]["item_id"], "kind": kind}
    assert client.post("/v1/feedback", json={**body, "request_id": answer["request_id"]}).status_code == 201


def report(tmp_path: Path, *arguments: str, experiments: list[dict[str, Any]]) -> tuple[int, str]:
    config = tmp_path / "settings.yaml"
    config.write_text(yaml.safe_dump({"experiments": experiments}))
    ran = CliRunner().invoke(app, ["--config", str(config), "experiment", "report", *arguments])
    return ran.exit_code, ran.output


def told(tmp_path: Path, experiment: dict[str, Any]) -> dict[str, Any]:
    code, output = report(tmp_path, "e", "--output", "json", experiments=[experiment])
    assert code == 0, output
    [only] = json.loads(output)
    found: dict[str, Any] = only
    return found


def test_two_users_land_in_different_arms_and_what_they_do_is_counted_there(tmp_path: Path) -> None:
    arms = {user: arm_of(load_settings(experiments=[SPLIT]).experiments[0], user) for user in ("ann", "bob")}
    assert sorted(arms.values()) == ["llm", "signals"]
    with served(SPLIT) as client:
        for user_id, arm in arms.items():
            answers = [ask(client, user_id) for _ in range(3)]
            assert {(answer["experiment"], answer["arm"]) for answer in answers} == {("e", arm)}
            assert {answer["ranked_by"] for answer in answers} == {arm}
            logged = client.get(f"/v1/requests/{answers[0]['request_id']}").json()
            assert (logged["experiment"], logged["arm"], logged["rung"]) == ("e", arm, "full")
            assert (logged["model"] is not None) == (arm == "llm")
            give(client, answers[0], "click")
            give(client, answers[0], "click", place=1)
        give(client, answers[1], "like")
        stranger = client.post("/v1/recommend", json={"n": 2}).json()
        assert (stranger["experiment"], stranger["arm"]) == (None, None)
        counted = client.get("/metrics").text
        assert 'fewrec_exposures_total{arm="signals",experiment="e"} 3.0' in counted

        # The service runs on: the record may be read by others meanwhile.
        found = told(tmp_path, SPLIT)
        assert (found["state"], found["lists"], found["users"]) == ("enabled", 6, 2)
        by_arm = {arm["arm"]: arm for arm in found["arms"]}
        assert [arm["arm"] for arm in found["arms"]] == ["llm", "signals"]
        assert {arm["share"] for arm in by_arm.values()} == {0.5}
        assert {name: arm["click"]["value"] for name, arm in by_arm.items()} == {"llm": 1 / 3, "signals": 1 / 3}
        assert by_arm[arms["bob"]]["like"]["value"] == 1 / 3
        assert by_arm[arms["ann"]]["like"]["value"] == 0.0
        assert [one["not_enough_data"] for one in found["differences"]] == [
            "llm: 1 users of 30 that it takes; signals: 1 users of 30 that it takes"
        ] * 2

        assert client.delete("/v1/users/ann").status_code == 200
        gone = told(tmp_path, SPLIT)
        assert (gone["lists"], gone["users"]) == (3, 1), "an erased user's exposures are gone"
    code, text = report(tmp_path, experiments=[SPLIT])
    assert code == 0
    assert "e (enabled): 3 lists, 1 users" in text
    assert "not enough data" in text


def test_clicks_on_an_interleaved_list_are_credit_to_the_arm_that_picked(tmp_path: Path) -> None:
    with served(TOGETHER) as client:
        answer = ask(client, "ann")
        teams = [item["team"] for item in answer["items"]]
        assert sorted(teams) == ["llm", "llm", "signals", "signals"]
        assert (answer["experiment"], answer["arm"]) == ("e", None)
        logged = client.get(f"/v1/requests/{answer['request_id']}").json()
        assert (logged["teams"], logged["arm"], logged["strategy"]) == (teams, None, None)
        give(client, answer, "click", place=teams.index("signals"))
        assert 'fewrec_exposures_total{arm="interleaved",experiment="e"} 1.0' in client.get("/metrics").text
        [shown] = client.get("/v1/users/ann/export").json()["shown"]
        assert shown["teams"] == teams
    found = told(tmp_path, TOGETHER)
    [clicks, likes] = found["interleaved"]
    assert (clicks["arms"], clicks["credits"], clicks["users"]) == (["llm", "signals"], [0, 1], [0, 1])
    assert clicks["not_enough_data"] == "1 users with a preference, of 6 that it takes"
    assert likes["credits"] == [0, 0]
    assert "clicks credited: llm 0, signals 1" in report(tmp_path, experiments=[TOGETHER])[1]


def test_a_service_with_an_arm_that_cannot_be_served_does_not_start(tmp_path: Path) -> None:
    wrong = {**SPLIT, "arms": [{"name": "llm"}, {"name": "signals", "settings": {"fusion": {"lm": 0}}}]}
    config = tmp_path / "settings.yaml"
    config.write_text(yaml.safe_dump({"experiments": [wrong]}))
    ran = CliRunner().invoke(app, ["--config", str(config), "serve"])
    assert ran.exit_code == 2
    assert "experiment 'e', arm 'signals': setting fusion.lm: Extra inputs are not permitted" in ran.output


def test_an_experiment_that_left_the_settings_is_still_told_of(tmp_path: Path) -> None:
    with served(SPLIT) as client:
        ask(client, "ann")
    other = {"name": "next", "enabled": False, "arms": [{"name": "a"}, {"name": "b"}]}
    code, text = report(tmp_path, experiments=[other])
    assert code == 0
    assert "next (disabled): 0 lists, 0 users" in text
    assert "no list was part of it yet" in text
    assert "e (not in the settings): 1 lists, 1 users" in text


@pytest.mark.parametrize(
    ("experiments", "arguments", "code", "told"),
    [
        ([SPLIT], ["nope"], 4, "no experiment 'nope'; there are e"),
        ([], [], 4, "no experiment is in the settings and none was logged"),
        ([SPLIT, SPLIT], [], 2, "two experiments are named 'e'"),
        (
            [{**SPLIT, "arms": [{"name": "a", "share": 0.5}, {"name": "b", "share": 0.6}]}],
            [],
            2,
            "sum to 1.1, not to 1",
        ),
    ],
)
def test_what_cannot_be_reported(
    tmp_path: Path, experiments: list[dict[str, Any]], arguments: list[str], code: int, told: str
) -> None:
    found, text = report(tmp_path, *arguments, experiments=experiments)
    assert (found, told in text.replace("\n", " ")) == (code, True), text
