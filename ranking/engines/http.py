"""Asks a server over HTTP and gets a checked answer, or an error that names the server and says what to do.

No error and no log line holds what was sent or what came back: both may hold prompts.
"""

from __future__ import annotations

import asyncio
import random
import re
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self, TypeVar, TypeVarTuple

import httpx
import orjson
from anyio.from_thread import start_blocking_portal
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from ranking.engine_settings import ServerSettings
from ranking.errors import ServerAnswerError, ServerBusyError, ServerDownError, ServerRefusedError, ServerTimeoutError

_LATER = frozenset({429, 503})
_IDLE_S = 2.0
"""Idle connections are dropped after this long: sooner than servers do it (uvicorn: 5 s), so that no request is sent
into a connection that is just being closed."""
_CODE = re.compile(r"[A-Za-z0-9_.\-]{1,60}")


class Wire(BaseModel):
    """Base of what servers answer: what is not asked for is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


Answer = TypeVar("Answer", bound=Wire)


class _Told(Wire):
    """The error object of OpenAI-compatible servers; its message is left alone, since it may repeat the prompt."""

    type: JsonValue = None
    code: JsonValue = None


class _Refusal(Wire):
    error: _Told


class _NotYetError(Exception):
    """The server did not take the request, so it may be sent again."""

    def __init__(self, failure: ServerDownError | ServerBusyError, retry_after_s: float | None = None) -> None:
        super().__init__(str(failure))
        self.failure = failure
        self.retry_after_s = retry_after_s


class Server:
    """A client of one server. Thread-safe; usable from any event loop, also from several.

    The connections live in an event loop of their own, in one thread: callers come and go with loops of theirs, and a
    connection outlives them. A request is sent again only where the server certainly did not take it: no connection
    was made, or the answer was 429 or 503. Cancelling a call closes its connection, which tells the server to stop.
    Redirects are not followed, so that a prompt goes to the address that the user gave and to no other.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self.address = settings.url
        self._settings = settings
        self._turns = asyncio.Semaphore(settings.concurrency)
        headers = {"Accept-Encoding": "identity"}  # a compressed answer could grow past any bound at once
        if settings.api_key is not None:
            headers["Authorization"] = f"Bearer {settings.api_key.get_secret_value()}"
        self._client = httpx.AsyncClient(
            base_url=settings.url,
            headers=headers,
            timeout=httpx.Timeout(settings.read_timeout_s, connect=settings.connect_timeout_s, pool=None),
            limits=httpx.Limits(max_connections=None, keepalive_expiry=_IDLE_S),
            # To load the trusted certificates takes a tenth of a second, which a plain address can do without.
            verify=True if settings.url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            trust_env=not settings.on_this_machine,  # a proxy of the environment is of no use on this machine
        )
        self._open = ExitStack()
        self._portal = self._open.enter_context(start_blocking_portal(name="fewrec-http"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    async def get(self, path: str, answer: type[Answer]) -> Answer:
        """The checked answer to GET path. Raises the ServerErrors of ranking.errors."""
        return await asyncio.wrap_future(self._portal.start_task_soon(self._asked, "GET", path, None, answer))

    async def post(self, path: str, body: Wire, answer: type[Answer]) -> Answer:
        """The checked answer to the body (its set fields, as JSON). Raises the ServerErrors of ranking.errors."""
        return await asyncio.wrap_future(self._portal.start_task_soon(self._asked, "POST", path, _json(body), answer))

    def close(self) -> None:
        """Ends what is under way and closes the connections; may be called again."""
        if self._client.is_closed:
            return
        self._portal.call(self._client.aclose)
        self._portal.call(self._portal.stop, True)
        self._open.close()

    async def _asked(self, method: str, path: str, body: bytes | None, answer: type[Answer]) -> Answer:
        async with self._turns:
            try:
                async with asyncio.timeout(self._settings.timeout_s):
                    content = await self._with_retries(method, path, body)
            except TimeoutError as error:
                raise ServerTimeoutError(
                    f"{self.address} did not finish its answer to {path} within {self._settings.timeout_s:g} s; "
                    "see how busy it is, or raise timeout_s"
                ) from error
        try:
            return answer.model_validate_json(content)
        except (ValidationError, RecursionError) as error:
            raise self._unreadable(path, error) from error

    async def _with_retries(self, method: str, path: str, body: bytes | None) -> bytes:
        for attempt in range(self._settings.retries + 1):
            try:
                return await self._once(method, path, body)
            except _NotYetError as error:
                wait = self._wait(attempt, error.retry_after_s)
                if wait is None or attempt == self._settings.retries:
                    raise error.failure from error
            await asyncio.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _wait(self, attempt: int, retry_after_s: float | None) -> float | None:
        """Seconds until the next try, drawn so that many clients do not come back at once; None to give up."""
        if retry_after_s is not None and retry_after_s > self._settings.max_retry_after_s:
            return None
        longest = self._settings.retry_wait_s * 2**attempt
        # Real chance, unlike everywhere else: two processes that draw alike would collide again.
        return (retry_after_s or longest / 2) + random.SystemRandom().uniform(0, longest / 2)

    async def _once(self, method: str, path: str, body: bytes | None) -> bytes:
        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            async with self._client.stream(method, path, content=body, headers=headers) as response:
                content = await self._read(response, path)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise _NotYetError(
                ServerDownError(
                    f"nothing answers at {self.address} ({type(error).__name__}); "
                    "start the server there or change its url"
                )
            ) from error
        except httpx.TimeoutException as error:
            raise ServerTimeoutError(
                f"{self.address} was silent for {self._settings.read_timeout_s:g} s after {path}; "
                "see whether it hangs, or raise read_timeout_s"
            ) from error
        except httpx.HTTPError as error:
            raise ServerAnswerError(
                f"{self.address} broke off its answer to {path} ({type(error).__name__}); see its log"
            ) from error
        self._check_status(response, path, content)
        return content

    async def _read(self, response: httpx.Response, path: str) -> bytes:
        limit = self._settings.max_response_bytes
        content = bytearray()
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise ServerAnswerError(f"{self.address} compresses its answer to {path}, which it was asked not to do")
        async for chunk in response.aiter_raw():
            content += chunk
            if len(content) > limit:
                raise ServerAnswerError(
                    f"the answer of {self.address} to {path} is longer than {limit} bytes; is it the right server? "
                    "If so, raise max_response_bytes"
                )
        return bytes(content)

    def _check_status(self, response: httpx.Response, path: str, content: bytes) -> None:
        status = response.status_code
        said = f"{self.address} answers {path} with {status}{_code(content)}"
        if status in _LATER:
            after = _seconds(response.headers.get("Retry-After"))
            asks = "" if after is None else f" and asks to wait {after:.0f} s"
            raise _NotYetError(
                ServerBusyError(f"{said}{asks}; it is overloaded: try later or lower concurrency"), after
            )
        if response.is_redirect:
            raise ServerAnswerError(f"{said}, a redirect, which is not followed; give the address it moved to as url")
        if status in {401, 403}:
            raise ServerRefusedError(f"{said}; give its key as api_key (FEWREC_ENGINE__API_KEY)", status=status)
        if status == 404:
            raise ServerRefusedError(f"{said}; see that url and model are what the server offers", status=status)
        if 400 <= status < 500:
            raise ServerRefusedError(f"{said}; it does not take this request: see its log", status=status)
        if not response.is_success:
            raise ServerAnswerError(f"{said}; it failed: see its log")

    def _unreadable(self, path: str, error: ValidationError | RecursionError) -> ServerAnswerError:
        wrong = "it is nested too deeply"
        if isinstance(error, ValidationError):
            # Only what pydantic expected and where: the input itself may be what a model said.
            first = error.errors(include_input=False, include_url=False, include_context=False)[0]
            place = ".".join(str(part) for part in first["loc"] if _CODE.fullmatch(str(part)))
            wrong = f"{place}: {first['msg']}" if place else first["msg"]
        return ServerAnswerError(
            f"the answer of {self.address} to {path} cannot be read ({wrong}); is it the right server?"
        )


Given = TypeVarTuple("Given")
Result = TypeVar("Result")


def wait_for(function: Callable[[*Given], Awaitable[Result]], *given: *Given) -> Result:
    """What an async function gives, for code that cannot await it, also where an event loop is running."""
    with start_blocking_portal(name="fewrec-wait") as portal:
        return portal.call(function, *given)


async def all_or_none(calls: Iterable[Coroutine[Any, Any, Result]]) -> list[Result]:
    """The results in order. When one call fails or the caller is cancelled, the calls under way are cancelled."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        raise


def _json(body: Wire) -> bytes:
    return orjson.dumps(body.model_dump(mode="json", exclude_unset=True, by_alias=True))


def _code(content: bytes) -> str:
    """The short codes of an error object, such as " (invalid_api_key)"; nothing that could be a sentence."""
    try:
        told = _Refusal.model_validate_json(content).error
    except (ValidationError, RecursionError):
        return ""
    codes = [value for value in (told.type, told.code) if isinstance(value, str) and _CODE.fullmatch(value)]
    return f" ({', '.join(codes)})" if codes else ""


def _seconds(retry_after: str | None) -> float | None:
    """A Retry-After header in seconds from now (RFC 9110, 10.2.3: seconds or a date); None if absent or unreadable."""
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        at = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    aware = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return max((aware - datetime.now(UTC)).total_seconds(), 0.0)
