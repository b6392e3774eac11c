"""The whole way with the real models, on the bundled sample."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from service.cli.main import app
from service.exit_codes import ExitCode
from tests.ranking.fake_openai import FakeChatApi
from tests.ranking.misbehaving_server import misbehaving

pytestmark = pytest.mark.model


def fewrec(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_demo_then_recommend_then_render(model_cache: Path, own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEWREC_CACHE", str(model_cache))

    demo = fewrec("demo")
    assert demo.exit_code == ExitCode.OK, demo.output
    assert "viewer-001" in demo.stdout
    assert "Moved up by" in " ".join(demo.stdout.split())

    market = json.loads(fewrec("demo", "--scenario", "ads", "-o", "json").stdout)
    assert [entry["slot"] for entry in market["sponsored"]] == [2, 7]
    assert all(entry["sponsored"] and entry["reason"].startswith("Paid for") for entry in market["sponsored"])
    assert len(market["items"]) == 10

    news = fewrec("demo", "--scenario", "news")
    assert "the clock stands at 2026-06-30 12:00 UTC" in " ".join(news.stdout.split())
    assert "says the same as" in " ".join(news.stdout.split())
    books = json.loads(fewrec("demo", "--scenario", "cross-domain", "-o", "json").stdout)
    assert {item["domain"] for item in books["items"]} == {"books"}

    home = ("--home", str(own_folders / "demo"))
    answer = json.loads(fewrec(*home, "recommend", "viewer-002", "-n", "3", "-f", "year>=1980", "-o", "json").stdout)
    assert [item["rank"] for item in answer["items"]] == [1, 2, 3]
    assert all(item["attributes"]["year"] >= 1980 for item in answer["items"])
    assert answer["ranked_by"] == "llm"
    assert answer["model"]["name"] == "smollm2-135m-instruct"

    prompt = json.loads(fewrec(*home, "prompt", "render", "viewer-002", "-o", "json").stdout)
    assert len(prompt["branches"]) == 20
    assert "watched these films" in fewrec(*home, "prompt", "render", "viewer-002").stdout
    with misbehaving(FakeChatApi()) as server, monkeypatch.context() as there:
        there.setenv("FEWREC_ENGINE__URL", server.url)
        there.setenv("FEWREC_ENGINE__SERVED_MODEL", "small")
        would_be = fewrec(
            *home, "prompt", "render", "viewer-002", "--engine", "openai", "--strategy", "listwise"
        ).stdout
    assert "watched these films" in would_be
    assert server.requests
    assert not any("watched" in str(request.body) for request in server.requests), "rendered, and not sent"

    unknown = fewrec(*home, "recommend", "viewer-0002")
    assert unknown.exit_code == ExitCode.NOT_FOUND
    assert "no user 'viewer-0002' in the store; the closest: viewer-002" in unknown.stderr
    assert fewrec(*home, "recommend", "viewer-002", "-f", "colour=red").exit_code == ExitCode.INPUT
    assert fewrec(*home, "index", "status").exit_code == ExitCode.OK


def test_an_empty_store_is_code_4(model_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEWREC_CACHE", str(model_cache))
    assert fewrec("recommend", "u").exit_code == ExitCode.NOT_FOUND
