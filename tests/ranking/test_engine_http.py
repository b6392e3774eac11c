"""The HTTP layer against a real server that misbehaves in every way that servers do."""

from __future__ import annotations

import asyncio
import gzip
import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from pydantic import ValidationError

from ranking.engine_settings import ServerSettings
from ranking.engines.http import Server, Wire
from ranking.errors import (
    ServerAnswerError,
    ServerBusyError,
    ServerDownError,
    ServerError,
    ServerRefusedError,
    ServerTimeoutError,
)
from tests.ranking.misbehaving_server import MisbehavingServer, Reply, misbehaving, nobody_listens

SECRET = "sk-very-secret"
PROMPT = "the prompt that nobody may read"


class Asked(Wire):
    text: str
    unset: int | None = None


class Number(Wire):
    number: float


GOOD = Reply(body={"number": 2.5, "more": "ignored"})


def once(first: Reply) -> Any:
    """Misbehaves on the first request only."""
    replies = iter([first])
    return lambda request: next(replies, GOOD)


@pytest.fixture
def bad() -> Iterator[MisbehavingServer]:
    with misbehaving(lambda request: GOOD) as server:
        yield server


def settings(url: str, **changed: Any) -> ServerSettings:
    return ServerSettings(url=url, api_key=SECRET, **({"retry_wait_s": 0.01} | changed))


async def ask(bad: MisbehavingServer, **changed: Any) -> Number:
    with Server(settings(bad.url, **changed)) as server:
        return await server.post("/v1/x", Asked(text=PROMPT), Number)


async def test_a_good_answer_is_checked_and_given_back(bad: MisbehavingServer) -> None:
    assert (await ask(bad)).number == 2.5
    [request] = bad.requests
    assert request.body == {"text": PROMPT}
    assert request.headers["authorization"] == f"Bearer {SECRET}"


@pytest.mark.parametrize(
    ("reply", "error", "says"),
    [
        (Reply(half_open=True), ServerTimeoutError, "silent for 0.3 s"),
        (
            Reply(wait_s=5),
            ServerTimeoutError,
            "0.3 s after /v1/x; see whether it hangs",
        ),
        (Reply(body={"number": 1.0, "filler": "x" * 200}, drip_s=0.05), ServerTimeoutError, "within 1 s"),
        (Reply(hang_up=True), ServerAnswerError, "broke off"),
        (Reply(body={"number": 1.0}, send=5), ServerAnswerError, "broke off"),
        (Reply(body=b'{"number": 1.'), ServerAnswerError, "Invalid JSON"),
        (Reply(body=b"<html>hello</html>"), ServerAnswerError, "right server"),
        (Reply(body=b"[" * 2000), ServerAnswerError, "cannot be read"),
        (Reply(body={"number": PROMPT}), ServerAnswerError, "number: Input should be a valid number"),
        (Reply(body={"number": 1.0, "filler": "x" * 5000}), ServerAnswerError, "max_response_bytes"),
        (Reply(body=gzip.compress(b"{}"), headers={"Content-Encoding": "gzip"}), ServerAnswerError, "compresses"),
        (Reply(status=500, body={"error": {"message": PROMPT}}), ServerAnswerError, "500; it failed"),
        (Reply(status=307, headers={"Location": "http://127.0.0.1:1/v1/x"}), ServerAnswerError, "redirect"),
        (
            Reply(status=401, body={"error": {"code": "invalid_key", "message": SECRET}}),
            ServerRefusedError,
            "invalid_key",
        ),
        (Reply(status=404), ServerRefusedError, "url and model"),
        (Reply(status=400, body={"error": {"type": PROMPT}}), ServerRefusedError, "with 400; it does not take"),
        (Reply(status=429), ServerBusyError, "429"),
        (Reply(status=503, headers={"Retry-After": "3600"}), ServerBusyError, "wait 3600 s"),
        (Reply(status=429, headers={"Retry-After": "soon"}), ServerBusyError, "overloaded"),
    ],
)
async def test_what_goes_wrong_is_told_in_one_line(
    bad: MisbehavingServer, caplog: pytest.LogCaptureFixture, reply: Reply, error: type[ServerError], says: str
) -> None:
    caplog.set_level(logging.DEBUG)
    bad.behave = lambda request: reply
    patience = {"timeout_s": 1.0} if "within 1 s" in says else {"read_timeout_s": 0.3 if "0.3 s" in says else 20.0}
    with pytest.raises(error) as told:
        await ask(bad, max_response_bytes=2048, **patience)
    message = str(told.value)
    assert says in message
    assert bad.url in message
    assert "\n" not in message
    for hidden in (SECRET, PROMPT):
        assert hidden not in message
        assert hidden not in caplog.text


async def test_a_server_that_is_down_is_named() -> None:
    url = nobody_listens()
    with Server(settings(url)) as server, pytest.raises(ServerDownError, match=url):
        await server.get("/v1/models", Number)


@pytest.mark.parametrize(
    "reply",
    [Reply(status=429), Reply(status=503, headers={"Retry-After": "0"})],
)
async def test_a_request_that_was_not_taken_is_sent_again(bad: MisbehavingServer, reply: Reply) -> None:
    bad.behave = once(reply)
    assert (await ask(bad)).number == 2.5
    assert len(bad.requests) == 2


@pytest.mark.parametrize(
    "reply", [Reply(status=500), Reply(hang_up=True), Reply(half_open=True), Reply(status=400), Reply(body=b"{")]
)
async def test_a_request_that_may_have_been_taken_is_not_sent_again(bad: MisbehavingServer, reply: Reply) -> None:
    bad.behave = once(reply)
    with pytest.raises(ServerError):
        await ask(bad, read_timeout_s=1)
    assert len(bad.requests) == 1


async def test_retries_are_bounded(bad: MisbehavingServer) -> None:
    bad.behave = lambda request: Reply(status=503)
    with pytest.raises(ServerBusyError):
        await ask(bad, retries=3)
    assert len(bad.requests) == 4


async def test_the_server_is_given_the_time_it_asks_for(bad: MisbehavingServer) -> None:
    # An HTTP date has whole seconds: two of them are at least one from now.
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    bad.behave = once(Reply(status=429, headers={"Retry-After": soon}))
    start = time.monotonic()
    await ask(bad)
    assert 0.9 < time.monotonic() - start < 4


async def test_a_cancelled_call_leaves_the_server(bad: MisbehavingServer) -> None:
    bad.behave = lambda request: Reply(half_open=True)
    with Server(settings(bad.url)) as server:
        call = asyncio.ensure_future(server.post("/v1/x", Asked(text=PROMPT), Number))
        await until(lambda: bad.under_way == 1)
        call.cancel()
        await until(lambda: bad.gone == 1)


async def test_closing_ends_what_is_under_way(bad: MisbehavingServer) -> None:
    bad.behave = lambda request: Reply(half_open=True)
    server = Server(settings(bad.url))
    call = asyncio.ensure_future(server.post("/v1/x", Asked(text=PROMPT), Number))
    await until(lambda: bad.under_way == 1)
    server.close()
    server.close()
    with pytest.raises((ServerError, asyncio.CancelledError)):
        await call
    await until(lambda: bad.gone == 1)


async def test_no_more_requests_are_under_way_than_allowed(bad: MisbehavingServer) -> None:
    bad.behave = lambda request: Reply(body={"number": 1.0}, wait_s=0.05)
    with Server(settings(bad.url, concurrency=3)) as server:
        await asyncio.gather(*[server.get(f"/{n}", Number) for n in range(12)])
    assert bad.most_under_way == 3
    assert len(bad.requests) == 12


def test_one_client_serves_one_event_loop_after_another(bad: MisbehavingServer) -> None:
    with Server(settings(bad.url)) as server:
        for _ in range(3):
            assert asyncio.run(server.get("/", Number)).number == 2.5


async def until(holds: Any) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - the server is in a thread, without events
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://example.org:8000", "remote"),
        ("https://user:hunter2@127.0.0.1", "user name"),
        ("http://127.0.0.1/v1?key=hunter2", "query"),
        ("localhost:8000", "look like"),
        ("http://127.0.0.1:99999", "look like"),
        ("file:///etc/passwd", "look like"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(url: str, says: str) -> None:
    with pytest.raises(ValidationError) as told:
        ServerSettings(url=url)
    message = told.value.errors()[0]["msg"]
    assert says in message
    assert "hunter2" not in message


@pytest.mark.parametrize("url", ["http://localhost:11434/v1/", "http://127.0.0.9:1", "http://[::1]:8000"])
def test_this_machine_needs_no_leave(url: str) -> None:
    found = ServerSettings(url=url)
    assert found.on_this_machine
    assert not found.url.endswith("/")


def test_another_machine_is_asked_when_the_user_says_so() -> None:
    found = ServerSettings(url="https://api.example.org", remote=True, api_key=SECRET)
    assert not found.on_this_machine
    assert SECRET not in repr(found) + found.model_dump_json()
