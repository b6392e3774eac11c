"""What the settings of the engine mean: where prompts go, and what goes with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ranking.engine_settings import OpenAISettings
from ranking.engines.openai import OpenAIEngine
from ranking.errors import (
    ConfigError,
)
from ranking.factory import open_engine, promotion_for
from ranking.settings import Settings, load_settings
from ranking.types import GenerationLimits
from tests.contracts.engine_suite import dialogue
from tests.ranking.fake_openai import SECRET, FakeChatApi, running, settings
from tests.ranking.misbehaving_server import misbehaving


async def test_the_start_tells_nothing_of_anybody_and_the_key_goes_with_every_request() -> None:
    with misbehaving(FakeChatApi()) as server:
        OpenAIEngine(settings(server.url)).close()
        contents = {m["content"] for r in server.requests if r.body for m in r.body["messages"]}
        assert contents == {"Reply with the one word hello and nothing else."}
        assert {r.headers["authorization"] for r in server.requests} == {f"Bearer {SECRET}"}


async def test_further_fields_go_with_every_request() -> None:
    with running(FakeChatApi(), extra={"reasoning_effort": "none", "model": "not this"}) as (engine, server):
        await engine.generate([dialogue()], GenerationLimits(max_tokens=5))
    assert server.requests[0].body["reasoning_effort"] == "none"
    assert server.requests[0].body["model"] == "small"


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("http://localhost:11434", "http://localhost:11434/v1"),
        ("http://localhost:11434/v1/", "http://localhost:11434/v1"),
        ("http://localhost/v1beta/openai", "http://localhost/v1beta/openai"),
    ],
)
def test_the_usual_path_is_added_to_a_bare_address(given: str, url: str) -> None:
    assert OpenAISettings(url=given, served_model="m").url == url


def test_nothing_is_sent_anywhere_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError, match="url"):
        OpenAISettings(served_model="m")  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match="set remote to true"):
        load_settings(engine={"kind": "openai", "url": "https://api.example.org", "served_model": "m"})
    monkeypatch.setenv("FEWREC_ENGINE__API_KEY", SECRET)
    found = load_settings(
        engine={"kind": "openai", "url": "https://api.example.org", "served_model": "m", "remote": True}
    )
    assert isinstance(found.engine, OpenAISettings)
    assert found.engine.api_key is not None
    assert found.engine.api_key.get_secret_value() == SECRET
    assert SECRET not in found.model_dump_json() + repr(found)


def chosen(url: str, **more: Any) -> Settings:
    return load_settings(engine={"kind": "openai", "url": url, "served_model": "small"}, **more)


def test_the_settings_open_it(tmp_path: Path) -> None:
    with misbehaving(FakeChatApi()) as server:
        with open_engine(chosen(server.url)) as engine:
            assert engine.info.engine == "openai"
            assert engine.info.model == "small"
        refused = pytest.raises(ConfigError, match="adapter")
        with refused, open_engine(chosen(server.url, model={"adapter": str(tmp_path)})):
            pass


def test_no_promoted_adapter_serves_a_model_that_it_was_not_tuned_for(tmp_path: Path) -> None:
    (tmp_path / "adapters").write_text("no folder: reading the promotions would fail")
    assert promotion_for(chosen("http://localhost:1", home=tmp_path)) is None
