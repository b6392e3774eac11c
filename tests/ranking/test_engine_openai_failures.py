"""The engine over a real local server that does not do what the API says."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import Any

import pytest

from ranking.engines.openai import OpenAIEngine
from ranking.errors import (
    ServerAnswerError,
    ServerBusyError,
    ServerDownError,
    ServerError,
    ServerRefusedError,
    ServerTimeoutError,
)
from ranking.types import GenerationLimits
from tests.contracts.engine_suite import dialogue, yes_no_prompt
from tests.ranking.fake_openai import SECRET, FakeChatApi, running, settings
from tests.ranking.misbehaving_server import Reply, misbehaving, nobody_listens


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
    api = FakeChatApi()
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
    with running(FakeChatApi(), max_response_bytes=50_000, **patience) as (engine, server):
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
    api = FakeChatApi(offers=("qwen", "llama"))
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
    with misbehaving(FakeChatApi(offers=(asked,), answers_as=answers)) as server, refused:
        OpenAIEngine(settings(server.url, served_model=asked)).close()


async def test_when_one_candidate_fails_the_others_are_not_asked() -> None:
    with running(FakeChatApi(), concurrency=2) as (engine, server):
        server.behave = lambda request: Reply(status=500)
        with pytest.raises(ServerAnswerError):
            await engine.score([yes_no_prompt(*[f" Film {n}" for n in range(500)])])
        await asyncio.sleep(0.1)
        assert len(server.requests) < 250


async def test_a_cancelled_ranking_leaves_the_server() -> None:
    with running(FakeChatApi()) as (engine, server):
        server.behave = lambda request: Reply(half_open=True)
        ranking = asyncio.ensure_future(engine.score([yes_no_prompt(" Aliens", " Heat")]))
        async with asyncio.timeout(5):
            while server.under_way < 2:  # noqa: ASYNC110 - the server is in a thread, without events
                await asyncio.sleep(0.01)
            ranking.cancel()
            while server.gone < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
