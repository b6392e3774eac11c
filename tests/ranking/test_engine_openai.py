"""The engine over a real local server: one that does what the API says, and ones that do not."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ranking.engine_settings import OpenAISettings
from ranking.engines.openai import OpenAIEngine
from ranking.errors import (
    ConfigError,
    EngineError,
    ServerAnswerError,
    ServerBusyError,
    ServerDownError,
    ServerError,
    ServerRefusedError,
    ServerTimeoutError,
)
from ranking.factory import open_engine, promotion_for
from ranking.settings import Settings, load_settings
from ranking.types import GenerationLimits, JsonShape, Permutation
from tests.contracts.engine_suite import EngineSuite, GeneratorSuite, dialogue, likelihood_prompt, yes_no_prompt
from tests.ranking.misbehaving_server import MisbehavingServer, Reply, Request, misbehaving, nobody_listens

SECRET = "sk-very-secret"


@dataclass
class ChatApi:
    """A server's behaviour: the OpenAI-compatible API over a made-up model, with parts that can be missing."""

    offers: tuple[str, ...] = ("small",)
    answers_as: str | None = "small-2026-11-01"
    logprobs: bool = True
    """Without them the fields are ignored with 200, as many servers do."""
    most_likeliest: int = 20
    schema: bool = True
    """The same for response_format."""
    limit: str = "max_tokens"
    temperature: bool = True
    says: Callable[[str], str] = lambda asked: "hello"
    likeliest: Callable[[str], list[tuple[str, float | None]]] = field(default_factory=lambda: _by_hash)
    change: Mapping[str, Any] = field(default_factory=dict)
    """Laid over every answer."""

    def __call__(self, request: Request) -> Reply:
        if request.path == "/v1/models":
            return Reply(body={"object": "list", "data": [{"id": name} for name in self.offers]})
        if request.path != "/v1/chat/completions":
            return Reply(status=404)
        body = request.body
        if self.limit not in body or ("temperature" in body and not self.temperature):
            return Reply(status=400, body={"error": {"code": "unsupported_parameter", "message": "no"}})
        if body.get("top_logprobs", 0) > self.most_likeliest:
            return Reply(status=400)
        return Reply(body=self._answer(body) | dict(self.change))

    def _answer(self, body: Mapping[str, Any]) -> dict[str, Any]:
        asked = body["messages"][-1]["content"]
        text = self.says(asked)
        if self.schema and "response_format" in body:
            shape = body["response_format"]["json_schema"]["schema"].get("properties", {})
            order = shape.get("order", {}).get("maxItems", 0)
            made = {name: one.get("enum", [True])[0] for name, one in shape.items()}
            text = json.dumps({"order": [*range(order, 0, -1)]} if order else made)
        choice: dict[str, Any] = {
            "index": 0,
            "message": {"role": "assistant", "content": text},
            "finish_reason": "stop",
        }
        if self.logprobs and body.get("logprobs"):
            top = [{"token": token, "logprob": value} for token, value in self.likeliest(asked)]
            choice["logprobs"] = {"content": [{"token": top[0]["token"], "top_logprobs": top}]}
        usage = {"prompt_tokens": len(json.dumps(body["messages"]).split()), "completion_tokens": len(text.split())}
        return {"model": self.answers_as, "choices": [choice], "usage": usage, "system_fingerprint": "fp1"}


def _by_hash(asked: str) -> list[tuple[str, float | None]]:
    yes = 0.1 + 0.6 * hashlib.sha256(asked.encode()).digest()[0] / 255
    return [("Yes", math.log(yes)), ("No", math.log(0.9 - yes)), (" Yes", math.log(0.05)), ("Perhaps", math.log(0.04))]


def settings(url: str, **changed: Any) -> OpenAISettings:
    quick: dict[str, Any] = {"retry_wait_s": 0.01}
    return OpenAISettings(**({"url": url, "served_model": "small", "api_key": SECRET} | quick | changed))


@contextmanager
def running(api: ChatApi, **changed: Any) -> Iterator[tuple[OpenAIEngine, MisbehavingServer]]:
    with misbehaving(api) as server:
        engine = OpenAIEngine(settings(server.url, **changed))
        server.requests.clear()
        try:
            yield engine, server
        finally:
            engine.close()


class TestOpenAIEngine(EngineSuite, GeneratorSuite):
    knows_tokens = False

    @pytest.fixture
    def server(self) -> Iterator[MisbehavingServer]:
        with misbehaving(ChatApi()) as server:
            yield server

    @pytest.fixture
    def engine(self, server: MisbehavingServer) -> Iterator[OpenAIEngine]:
        with closing(OpenAIEngine(settings(server.url))) as engine:
            yield engine

    @pytest.fixture
    def reached(self, server: MisbehavingServer) -> Callable[[], int]:
        return lambda: len(server.requests)


class TestOpenAIEngineWithoutConstraint(GeneratorSuite):
    @pytest.fixture
    def engine(self) -> Iterator[OpenAIEngine]:
        with running(ChatApi(schema=False)) as (engine, _):
            yield engine


@pytest.mark.parametrize(
    ("api", "route", "capabilities"),
    [
        (ChatApi(), "logprobs, json_schema", {"labels", "generate", "constrained"}),
        (ChatApi(most_likeliest=5), "logprobs, json_schema", {"labels", "generate", "constrained"}),
        (ChatApi(logprobs=False), "json_schema", {"generate", "constrained"}),
        (ChatApi(schema=False), "logprobs, text", {"labels", "generate"}),
        (ChatApi(schema=False, logprobs=False, answers_as=None), "text", {"generate"}),
        (ChatApi(schema=False, says=lambda asked: '{"order": "hello"}'), "logprobs, text", {"labels", "generate"}),
        (ChatApi(likeliest=lambda asked: [("Yes", 0.0)]), "json_schema", {"generate", "constrained"}),
        (ChatApi(most_likeliest=0), "json_schema", {"generate", "constrained"}),
    ],
)
def test_an_offer_counts_when_its_effect_was_seen(api: ChatApi, route: str, capabilities: set[str]) -> None:
    with running(api) as (engine, _):
        assert engine.info.route == route
        assert engine.info.capabilities == capabilities


@pytest.mark.parametrize(("limit", "temperature"), [("max_completion_tokens", True), ("max_completion_tokens", False)])
async def test_the_servers_dialect_is_found(limit: str, temperature: bool) -> None:
    with running(ChatApi(limit=limit, temperature=temperature)) as (engine, _):
        [completion] = await engine.generate([dialogue()], GenerationLimits(max_tokens=5))
    assert completion.text == "hello"


async def test_labels_are_found_by_their_text_and_their_spellings_added_up() -> None:
    with running(ChatApi()) as (engine, server):
        [scores] = await engine.score([yes_no_prompt(" Aliens", " Heat", " Aliens")])
    asked = server.requests[0].body
    assert asked["messages"][-1]["content"].endswith("Film: Aliens\nAnswer:")
    assert (asked["max_tokens"], asked["temperature"], asked["top_logprobs"]) == (1, 1.0, 20)
    assert len(server.requests) == 2  # one for each different candidate
    top = dict(_by_hash(asked["messages"][-1]["content"]))
    yes, no = scores.branches[0].label_logits or ()
    assert yes == pytest.approx(math.log(math.exp(top["Yes"] or 0) + 0.05))
    assert no == pytest.approx(top["No"])
    assert scores.branches[0] == scores.branches[2]
    assert scores.branches[0].n_tokens == len(json.dumps(asked["messages"]).split())


async def test_a_label_that_is_not_shown_gets_its_bound_and_is_told() -> None:
    with running(ChatApi(likeliest=lambda asked: [("No", -0.1), ("Nope", -3.0), ("no", None)])) as (engine, _):
        [scores] = await engine.score([yes_no_prompt(" Aliens")])
    assert scores.branches[0].label_logits == (-3.0, -0.1)
    assert scores.branches[0].unseen == (0,)


@pytest.mark.parametrize(
    ("likeliest", "says"),
    [
        ([("<think>", -0.1), ("Well", -2.0)], "think first"),
        ([("Yes", math.nan), ("No", -1.0)], "not a number"),
        ([("Yes", 2.0), ("No", -1.0)], "at most 0"),
        ([("Yes", None), ("No", None)], "left the log-probabilities out"),
    ],
)
async def test_what_is_no_log_probability_of_a_label_is_refused(likeliest: Any, says: str) -> None:
    api = ChatApi()
    with running(api) as (engine, server):
        api.likeliest = lambda asked: likeliest
        with pytest.raises(ServerAnswerError, match=says) as told:
            await engine.score([yes_no_prompt(" Aliens")])
    assert server.url in str(told.value)


async def test_labels_that_only_differ_in_case_are_refused() -> None:
    with running(ChatApi()) as (engine, _), pytest.raises(EngineError, match="differ in nothing"):
        await engine.score([replace(yes_no_prompt(" Aliens"), labels=(" yes", "Yes"))])


async def test_what_the_server_cannot_do_is_refused_before_anything_is_sent() -> None:
    with running(ChatApi(logprobs=False)) as (engine, server):
        with pytest.raises(EngineError, match="strategy that writes"):
            await engine.score([yes_no_prompt(" Aliens")])
        assert server.requests == []


async def test_the_likelihood_of_a_text_cannot_be_asked_for() -> None:
    with running(ChatApi()) as (engine, server):
        with pytest.raises(EngineError, match="how likely a text is"):
            await engine.score([yes_no_prompt(" Aliens"), likelihood_prompt(" Aliens")])
        assert server.requests == []


async def test_a_permutation_is_asked_for_as_json_and_comes_in_its_own_form() -> None:
    with running(ChatApi()) as (engine, server):
        limits = GenerationLimits(max_tokens=20, constraint=Permutation(n=3))
        [first, second] = await engine.generate([dialogue(answer="Order:"), dialogue()], limits)
    assert (first.text, first.constrained, first.finished) == ("3, 2, 1", True, "stop")
    assert second.text == "3, 2, 1"
    contents = {request.body["messages"][-1]["content"] for request in server.requests}
    assert contents == {"Which film next?\nOrder:", "Which film next?"}


@pytest.mark.parametrize(
    ("text", "constraint", "expected", "held"),
    [
        ('{"order": [2, 2]}', Permutation(n=2), "2, 2", False),
        ('{"order": [2, 1', Permutation(n=2), '{"order": [2, 1', False),
        ('{"order": [2, true]}', Permutation(n=2), '{"order": [2, true]}', False),
        ('{"a": 1}', JsonShape(schema={"type": "object"}), '{"a": 1}', True),
        ('{"a": ', JsonShape(schema={"type": "object"}), '{"a": ', False),
        ("as it is", None, "as it is", False),
        (None, None, "", False),
    ],
)
async def test_what_was_written_says_whether_it_was_held_to_its_form(
    text: str | None, constraint: Any, expected: str, held: bool
) -> None:
    api = ChatApi()
    with running(api) as (engine, _):
        api.change = {"choices": [{"message": {"content": text}, "finish_reason": "length"}], "usage": None}
        [completion] = await engine.generate([dialogue()], GenerationLimits(max_tokens=9, constraint=constraint))
    assert (completion.text, completion.constrained, completion.finished) == (expected, held, "length")
    assert completion.prompt_tokens > 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"choices": []}, "choices"),
        ({"choices": [{"message": {"content": "a"}}] * 2}, "choices"),
        ({"choices": "many"}, "choices"),
        ({"model": "other"}, "'other', not 'small'"),
        ({"choices": [{"message": {}, "finish_reason": "content_filter"}]}, "content_filter"),
        ({"usage": {"prompt_tokens": -1}}, "prompt_tokens"),
    ],
)
async def test_an_answer_that_is_not_what_it_should_be_is_refused(change: dict[str, Any], says: str) -> None:
    api = ChatApi()
    with running(api) as (engine, server):
        api.change = change
        with pytest.raises(ServerAnswerError, match=says) as told:
            await engine.generate([dialogue()], GenerationLimits(max_tokens=5))
    assert server.url in str(told.value)


QUIET: list[tuple[Reply, type[ServerError]]] = [
    (Reply(half_open=True), ServerTimeoutError),
    (Reply(wait_s=9), ServerTimeoutError),
    (Reply(body={"filler": "x" * 1000}, drip_s=0.05), ServerTimeoutError),
]
LOUD: list[tuple[Reply, type[ServerError]]] = [
    (Reply(hang_up=True), ServerAnswerError),
    (Reply(status=500), ServerAnswerError),
    (Reply(status=429), ServerBusyError),
    (Reply(status=429, headers={"Retry-After": "99"}), ServerBusyError),
    (Reply(status=401), ServerRefusedError),
    (Reply(body=b'{"choices": [{"mess'), ServerAnswerError),
    (Reply(body={"choices": []}, send=3), ServerAnswerError),
    (Reply(body={"filler": "x" * 100_000}), ServerAnswerError),
]


@pytest.mark.parametrize(("reply", "error"), QUIET + LOUD)
def test_a_server_that_misbehaves_at_the_start_is_named(reply: Reply, error: type[ServerError]) -> None:
    patience = {"read_timeout_s": 0.5, "timeout_s": 1.0} if error is ServerTimeoutError else {}
    with misbehaving(lambda request: reply) as server, pytest.raises(error) as told:
        OpenAIEngine(settings(server.url, max_response_bytes=50_000, **patience))
    assert server.url in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(("reply", "error"), [*QUIET[:1], *LOUD])
async def test_a_server_that_misbehaves_later_is_named(reply: Reply, error: type[ServerError]) -> None:
    patience = {"read_timeout_s": 2.0} if error is ServerTimeoutError else {}
    with running(ChatApi(), max_response_bytes=50_000, **patience) as (engine, server):
        server.behave = lambda request: reply
        with pytest.raises(error) as told:
            await engine.score([yes_no_prompt(" Aliens", " Heat")])
    assert server.url in str(told.value)
    assert "\n" not in str(told.value)
    assert "Aliens" not in str(told.value)
    assert SECRET not in str(told.value)


def test_a_server_that_is_down_is_named() -> None:
    url = nobody_listens()
    with pytest.raises(ServerDownError, match=url):
        OpenAIEngine(settings(url))


def test_a_model_that_is_not_there_is_told_with_those_that_are() -> None:
    api = ChatApi(offers=("qwen", "llama"))
    with misbehaving(api) as server, pytest.raises(ServerAnswerError, match="qwen, llama"):
        OpenAIEngine(settings(server.url))


@pytest.mark.parametrize(
    ("asked", "answers", "same"),
    [
        ("small", "small", True),
        ("small", "maker/Small:latest", True),
        ("maker/small", "small-2026-11-01", True),
        ("small", "small-20261101", True),
        ("small", "small-mini", False),
        ("small", "large", False),
        ("small", "small-", False),
    ],
)
def test_a_model_may_answer_with_its_maker_tag_or_date(asked: str, answers: str, same: bool) -> None:
    refused = nullcontext() if same else pytest.raises(ServerAnswerError, match="served_model")
    with misbehaving(ChatApi(offers=(asked,), answers_as=answers)) as server, refused:
        OpenAIEngine(settings(server.url, served_model=asked)).close()


async def test_when_one_candidate_fails_the_others_are_not_asked() -> None:
    with running(ChatApi(), concurrency=2) as (engine, server):
        server.behave = lambda request: Reply(status=500)
        with pytest.raises(ServerAnswerError):
            await engine.score([yes_no_prompt(*[f" Film {n}" for n in range(500)])])
        await asyncio.sleep(0.1)
        assert len(server.requests) < 250


async def test_a_cancelled_ranking_leaves_the_server() -> None:
    with running(ChatApi()) as (engine, server):
        server.behave = lambda request: Reply(half_open=True)
        ranking = asyncio.ensure_future(engine.score([yes_no_prompt(" Aliens", " Heat")]))
        async with asyncio.timeout(5):
            while server.under_way < 2:  # noqa: ASYNC110 - the server is in a thread, without events
                await asyncio.sleep(0.01)
            ranking.cancel()
            while server.gone < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_the_start_tells_nothing_of_anybody_and_the_key_goes_with_every_request() -> None:
    with misbehaving(ChatApi()) as server:
        OpenAIEngine(settings(server.url)).close()
        contents = {m["content"] for r in server.requests if r.body for m in r.body["messages"]}
        assert contents == {"Reply with the one word hello and nothing else."}
        assert {r.headers["authorization"] for r in server.requests} == {f"Bearer {SECRET}"}


async def test_further_fields_go_with_every_request() -> None:
    with running(ChatApi(), extra={"reasoning_effort": "none", "model": "not this"}) as (engine, server):
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
    with misbehaving(ChatApi()) as server:
        with open_engine(chosen(server.url)) as engine:
            assert engine.info.engine == "openai"
            assert engine.info.model == "small"
        refused = pytest.raises(ConfigError, match="adapter")
        with refused, open_engine(chosen(server.url, model={"adapter": str(tmp_path)})):
            pass


def test_no_promoted_adapter_serves_a_model_that_it_was_not_tuned_for(tmp_path: Path) -> None:
    (tmp_path / "adapters").write_text("no folder: reading the promotions would fail")
    assert promotion_for(chosen("http://localhost:1", home=tmp_path)) is None
