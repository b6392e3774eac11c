"""The engine over a real local server that does what the API says, or parts of it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from prompts.budget import MARKUP_PER_TURN
from prompts.template import load_template
from ranking.engines.openai import OpenAIEngine
from ranking.errors import (
    EngineError,
    ServerAnswerError,
)
from ranking.strategies.cost import cost_of
from ranking.strategies.yes_no import YesNo
from ranking.types import GenerationLimits, JsonShape, Permutation
from tests.contracts.engine_suite import EngineSuite, GeneratorSuite, dialogue, likelihood_prompt, yes_no_prompt
from tests.ranking.fake_openai import FakeChatApi, by_hash, running, settings
from tests.ranking.misbehaving_server import MisbehavingServer, misbehaving
from tests.ranking.tasting import films


class TestOpenAIEngine(EngineSuite, GeneratorSuite):
    knows_tokens = False

    @pytest.fixture
    def server(self) -> Iterator[MisbehavingServer]:
        with misbehaving(FakeChatApi()) as server:
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
        with running(FakeChatApi(schema=False)) as (engine, _):
            yield engine


@pytest.mark.parametrize(
    ("api", "route", "capabilities"),
    [
        (FakeChatApi(), "logprobs, json_schema", {"labels", "generate", "constrained"}),
        (FakeChatApi(most_likeliest=5), "logprobs, json_schema", {"labels", "generate", "constrained"}),
        (FakeChatApi(logprobs=False), "json_schema", {"generate", "constrained"}),
        (FakeChatApi(schema=False), "logprobs, text", {"labels", "generate"}),
        (FakeChatApi(schema=False, logprobs=False, answers_as=None), "text", {"generate"}),
        (FakeChatApi(schema=False, says=lambda asked: '{"order": "hello"}'), "logprobs, text", {"labels", "generate"}),
        (FakeChatApi(likeliest=lambda asked: [("Yes", 0.0)]), "json_schema", {"generate", "constrained"}),
        (FakeChatApi(most_likeliest=0), "json_schema", {"generate", "constrained"}),
    ],
)
def test_an_offer_counts_when_its_effect_was_seen(api: FakeChatApi, route: str, capabilities: set[str]) -> None:
    with running(api) as (engine, _):
        assert engine.info.route == route
        assert engine.info.capabilities == capabilities


@pytest.mark.parametrize(("limit", "temperature"), [("max_completion_tokens", True), ("max_completion_tokens", False)])
async def test_the_servers_dialect_is_found(limit: str, temperature: bool) -> None:
    with running(FakeChatApi(limit=limit, temperature=temperature)) as (engine, _):
        [completion] = await engine.generate([dialogue()], GenerationLimits(max_tokens=5))
    assert completion.text == "hello"


async def test_labels_are_found_by_their_text_and_their_spellings_added_up() -> None:
    with running(FakeChatApi()) as (engine, server):
        [scores] = await engine.score([yes_no_prompt(" Aliens", " Heat", " Aliens")])
    # One for each different candidate; they are asked at once, and may come in any order.
    asked, _ = sorted((request.body for request in server.requests), key=lambda body: str(body["messages"]))
    assert asked["messages"][-1]["content"].endswith("Film: Aliens\nAnswer:")
    assert (asked["max_tokens"], asked["temperature"], asked["top_logprobs"]) == (1, 1.0, 20)
    top = dict(by_hash(asked["messages"][-1]["content"]))
    yes, no = scores.branches[0].label_logits or ()
    assert yes == pytest.approx(math.log(math.exp(top["Yes"] or 0) + 0.05))
    assert no == pytest.approx(top["No"])
    assert scores.branches[0] == scores.branches[2]
    assert scores.branches[0].n_tokens == len(json.dumps(asked["messages"]).split())


async def test_an_answer_that_holds_the_branch_ends_the_users_turn() -> None:
    prompt = replace(likelihood_prompt(" Aliens"), after="?", labels=(" Yes", " No"))
    with running(FakeChatApi()) as (engine, server):
        await engine.score([prompt])
    assert server.requests[-1].body["messages"] == [{"role": "user", "content": "Which film next?\nFilm: Aliens?"}]


async def test_a_label_that_is_not_shown_gets_its_bound_and_is_told() -> None:
    with running(FakeChatApi(likeliest=lambda asked: [("No", -0.1), ("Nope", -3.0), ("no", None)])) as (engine, _):
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
    api = FakeChatApi()
    with running(api) as (engine, server):
        api.likeliest = lambda asked: likeliest
        with pytest.raises(ServerAnswerError, match=says) as told:
            await engine.score([yes_no_prompt(" Aliens")])
    assert server.url in str(told.value)


async def test_labels_that_only_differ_in_case_are_refused() -> None:
    with running(FakeChatApi()) as (engine, _), pytest.raises(EngineError, match="differ in nothing"):
        await engine.score([replace(yes_no_prompt(" Aliens"), labels=(" yes", "Yes"))])


async def test_what_the_server_cannot_do_is_refused_before_anything_is_sent() -> None:
    with running(FakeChatApi(logprobs=False)) as (engine, server):
        with pytest.raises(EngineError, match="strategy that writes"):
            await engine.score([yes_no_prompt(" Aliens")])
        assert server.requests == []


async def test_a_request_holds_the_whole_prompt_and_is_counted_so() -> None:
    api = FakeChatApi()
    with running(api) as (engine, server):
        api.change = {"usage": None}
        strategy = partial(YesNo, template=load_template("sequential"), max_tokens=1024)
        cost = await cost_of(strategy, engine, films(range(20)))
        assert server.requests == []
        [verdict] = await strategy(engine).score([films(range(20))])
        assert len(server.requests) == cost.questions == 20
    markup = 20 * 2 * MARKUP_PER_TURN
    assert cost.prompt_tokens + markup == verdict.prompt_tokens


async def test_the_likelihood_of_a_text_cannot_be_asked_for() -> None:
    with running(FakeChatApi()) as (engine, server):
        with pytest.raises(EngineError, match="how likely a text is"):
            await engine.score([yes_no_prompt(" Aliens"), likelihood_prompt(" Aliens")])
        assert server.requests == []


async def test_a_permutation_is_asked_for_as_json_and_comes_in_its_own_form() -> None:
    with running(FakeChatApi()) as (engine, server):
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
    api = FakeChatApi()
    with running(api) as (engine, _):
        api.change = {"choices": [{"message": {"content": text}, "finish_reason": "length"}], "usage": None}
        [completion] = await engine.generate([dialogue()], GenerationLimits(max_tokens=9, constraint=constraint))
    assert (completion.text, completion.constrained, completion.finished) == (expected, held, "length")
    assert completion.prompt_tokens > 0
