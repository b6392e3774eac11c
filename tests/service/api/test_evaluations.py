"""Reports of evaluations: as the evaluation writes them, read only, and nothing beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from evaluation.report.write import write_report
from tests.e2e.page_shop import page_shop_app
from tests.evaluation.report.build import ARMS, example, write_run


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop whose folder of runs holds a real report; tests write beside it."""
    home = tmp_path_factory.mktemp("evaluated") / "shop"
    some = [arm for arm in ARMS if arm.name in {"embedding-max", "tuned-fused"}]
    shown = [example("tuned-fused", 1, rank=1, baseline_rank=9, prompt="a user's own words")]
    run = write_run(home / "runs" / "games", some, n_cases=20, metrics=("ndcg@10",), examples=shown)
    write_report([run], run)
    return home


@pytest.fixture(scope="module")
def client(home: Path) -> Iterator[TestClient]:
    with TestClient(page_shop_app(home), base_url="http://localhost") as running:
        yield running


def read(client: TestClient, path: str = "") -> Any:
    return client.get(f"/v1/evaluations{path}").json()


def test_a_written_report_is_listed_and_its_arms_compare(client: TestClient, home: Path) -> None:
    written = json.loads((home / "runs" / "games" / "report.json").read_text("utf-8"))["runs"][0]
    listed = next(one for one in read(client)["evaluations"] if one["folder"] == "games")
    [run] = listed["runs"]
    assert (run["name"], run["cases"], run["verdict"]) == ("games", 20, written["verdict"])
    assert listed["problem"] is None
    assert "arms" not in run

    [told] = read(client, "/games")["runs"]
    assert (told["metric"], told["baseline"]) == ("ndcg@10", "embedding-max")
    for arm, truth in zip(told["arms"], written["arms"], strict=True):
        assert (arm["name"], arm["llm"], arm["n"]) == (truth["name"], truth["llm"], 20)
        for name in ("value", "low", "high", "n"):
            assert arm["metrics"]["ndcg@10"][name] == truth["metrics"]["ndcg@10"][name]
    [difference] = [arm["differences"]["ndcg@10"] for arm in told["arms"] if arm["differences"]]
    assert difference["to"] == "embedding-max"


def test_what_a_report_holds_of_single_users_is_not_told(client: TestClient, home: Path) -> None:
    assert "a user's own words" in (home / "runs" / "games" / "report.json").read_text("utf-8")
    assert "own words" not in client.get("/v1/evaluations/games").text


@pytest.mark.parametrize(
    "name", ["%2e", "%2e%2e", "..%2f..%2fshop", "games%2f..%2f..", "%2fetc", "games%00", "nothing", "linked"]
)
def test_no_name_leads_out_of_the_folder(client: TestClient, home: Path, name: str) -> None:
    (home / "report.json").write_bytes((home / "runs" / "games" / "report.json").read_bytes())
    if not (home / "runs" / "linked").exists():
        (home / "runs" / "linked").symlink_to(home / "runs" / "games")
    answer = client.get(f"/v1/evaluations/{name}")
    assert answer.status_code == 404
    assert "linked" not in client.get("/v1/evaluations").text


@pytest.mark.parametrize(("text", "why"), [("[]", "this version"), ("{", "this version"), ('{"format": 2}', "anew")])
def test_a_report_that_cannot_be_read_is_told_and_the_others_stay(
    client: TestClient, home: Path, text: str, why: str
) -> None:
    broken = home / "runs" / "broken"
    broken.mkdir(exist_ok=True)
    (broken / "report.json").write_text(text, encoding="utf-8")
    found = {one["folder"]: one["problem"] for one in read(client)["evaluations"]}
    assert why in found["broken"]
    assert found["games"] is None
    assert client.get("/v1/evaluations/broken").status_code == 409


def test_a_shop_without_evaluations_has_none(tmp_path: Path) -> None:
    with TestClient(page_shop_app(tmp_path / "shop"), base_url="http://localhost") as client:
        assert read(client) == {"evaluations": []}
        assert client.get("/v1/evaluations/runs").status_code == 404
