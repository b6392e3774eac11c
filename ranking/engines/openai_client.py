"""One model of an OpenAI-compatible server: asks it, and finds out what it really offers.

Many servers ignore a field that they do not know and answer with 200, so an offer counts when its effect was seen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prompts.types import Message
from ranking.engine_settings import OpenAISettings
from ranking.engines.http import Server
from ranking.engines.openai_wire import Ask, Chat, Models, Turn, json_schema, permutation_schema
from ranking.errors import ServerAnswerError, ServerRefusedError

_MOST_LIKELIEST = 20
"""Likeliest tokens that the API lets one ask for; some servers give five only."""
_FEWER_LIKELIEST = 5
_HELLO = (Message(role="user", content="Reply with the one word hello and nothing else."),)


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialect:
    """How the server wants a request to be put."""

    limit: str
    """Name of the field that bounds the answer's tokens."""
    greedy: bool
    """Whether a temperature may be given; models that think often allow none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """What the server was seen to do."""

    dialect: Dialect
    likeliest: int | None
    """How many likeliest tokens it tells the log-probabilities of; None if it tells none."""
    constrained: bool
    """Whether it holds an answer to a JSON Schema."""
    revision: str
    """What it says of the model's version."""


_DIALECTS = (
    Dialect(limit="max_tokens", greedy=True),
    Dialect(limit="max_completion_tokens", greedy=True),
    Dialect(limit="max_completion_tokens", greedy=False),
)


class Client:
    """Asks one model of a server in its dialect, and checks that it is this model that answers."""

    def __init__(self, server: Server, settings: OpenAISettings) -> None:
        self._server = server
        self._settings = settings

    async def models(self) -> Sequence[str] | None:
        """Names of the models that the server offers; None if it does not list them."""
        try:
            return [model.id for model in (await self._server.get("/models", Models)).data]
        except ServerRefusedError as error:
            if error.status in {404, 405}:
                return None
            raise

    async def chat(self, messages: Sequence[Message], dialect: Dialect, tokens: int, **fields: Any) -> Chat:
        """One answer of at most so many tokens; greedy unless a temperature is among the fields.

        Raises the ServerErrors; ServerAnswerError too if another model answers than the one asked.
        """
        given: dict[str, Any] = {
            **self._settings.extra,
            "model": self._settings.served_model,
            "messages": [Turn(role=message.role, content=message.content) for message in messages],
            dialect.limit: tokens,
        }
        if dialect.greedy:
            given["temperature"] = 0.0
        found = await self._server.post("/chat/completions", Ask(**(given | fields)), Chat)
        if found.model is not None and not same_model(self._settings.served_model, found.model):
            raise ServerAnswerError(
                f"{self._server.address} answers with model {found.model[:80]!r}, not {self._settings.served_model!r}; "
                "give the name that it uses as served_model"
            )
        return found


def same_model(asked: str, answers: str) -> bool:
    """Whether an answer's model is the one asked for: the same name, with or without its maker, tag or date."""
    short, found = (name.rsplit("/", 1)[-1].removesuffix(":latest").casefold() for name in (asked, answers))
    dated = found.removeprefix(f"{short}-")
    return found == short or (dated != found and dated.replace("-", "").isdecimal())


async def probe(client: Client, settings: OpenAISettings, address: str) -> Offer:
    """Finds out what the server offers, with up to eight short requests that hold nothing of any user.

    Raises the ServerErrors where it does not offer the model or cannot chat at all.
    """
    offered = await client.models()
    if offered is not None and not any(same_model(settings.served_model, name) for name in offered):
        raise ServerAnswerError(
            f"{address} does not offer model {settings.served_model!r}; give one of these as served_model: "
            f"{', '.join(name[:80] for name in offered[:20]) or 'none'}"
        )
    dialect, hello = await _dialect(client)
    fingerprint = hello.system_fingerprint
    return Offer(
        dialect=dialect,
        likeliest=await _likeliest(client, dialect),
        constrained=await _constrained(client, dialect),
        revision=" ".join(str(part) for part in (hello.model or settings.served_model, fingerprint) if part)[:120],
    )


async def _dialect(client: Client) -> tuple[Dialect, Chat]:
    *others, last = _DIALECTS
    for dialect in others:
        try:
            return dialect, await client.chat(_HELLO, dialect, 8)
        except ServerRefusedError as error:
            if error.status not in {400, 422}:
                raise
    return last, await client.chat(_HELLO, last, 8)


async def _likeliest(client: Client, dialect: Dialect) -> int | None:
    for n in (_MOST_LIKELIEST, _FEWER_LIKELIEST):
        answer = await _unless_refused(client, dialect, 1, logprobs_fields(dialect, n))
        if answer is not None and len([one for one in answer.likeliest if one.logprob is not None]) >= 2:
            return n
    return None


async def _constrained(client: Client, dialect: Dialect) -> bool:
    # The question asks for something else, so that only a server that enforces the schema gives numbers.
    schema = permutation_schema(3)
    answer = await _unless_refused(client, dialect, 64, {"response_format": json_schema(schema)})
    return answer is not None and order_of(answer.choice.message.content, 3) is not None


async def _unless_refused(client: Client, dialect: Dialect, tokens: int, fields: Mapping[str, Any]) -> Chat | None:
    """An answer to a request with a field that the server may not know; None if it refuses it or fails over it."""
    try:
        return await client.chat(_HELLO, dialect, tokens, **fields)
    except (ServerRefusedError, ServerAnswerError):
        return None


def logprobs_fields(dialect: Dialect, likeliest: int) -> dict[str, Any]:
    """Fields that ask for the likeliest first tokens.

    With temperature 1 they are the model's own, also of a server that takes them after its sampling settings; which
    token is then drawn does not matter.
    """
    asked: dict[str, Any] = {"logprobs": True, "top_logprobs": likeliest}
    return asked | {"temperature": 1.0, "top_p": 1.0} if dialect.greedy else asked


def order_of(text: str | None, n: int) -> tuple[int, ...] | None:
    """The numbers of an answer held to permutation_schema(n); None if it was not held to it."""
    try:
        found = json.loads(text or "")
    except (ValueError, RecursionError):
        return None
    order = found.get("order") if isinstance(found, dict) else None
    if not isinstance(order, list) or len(order) != n:
        return None
    numbers = [one for one in order if type(one) is int and 1 <= one <= n]
    return tuple(numbers) if len(numbers) == n else None
