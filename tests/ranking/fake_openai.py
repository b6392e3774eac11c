"""A stand-in for an OpenAI-compatible server, and an engine that is open over it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ranking.engine_settings import OpenAISettings
from ranking.engines.openai import OpenAIEngine
from tests.ranking.misbehaving_server import MisbehavingServer, Reply, Request, misbehaving

SECRET = "sk-very-secret"


@dataclass
class FakeChatApi:
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
    likeliest: Callable[[str], list[tuple[str, float | None]]] = field(default_factory=lambda: by_hash)
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


def by_hash(asked: str) -> list[tuple[str, float | None]]:
    yes = 0.1 + 0.6 * hashlib.sha256(asked.encode()).digest()[0] / 255
    return [("Yes", math.log(yes)), ("No", math.log(0.9 - yes)), (" Yes", math.log(0.05)), ("Perhaps", math.log(0.04))]


def settings(url: str, **changed: Any) -> OpenAISettings:
    quick: dict[str, Any] = {"retry_wait_s": 0.01}
    return OpenAISettings(**({"url": url, "served_model": "small", "api_key": SECRET} | quick | changed))


@contextmanager
def running(api: FakeChatApi, **changed: Any) -> Iterator[tuple[OpenAIEngine, MisbehavingServer]]:
    with misbehaving(api) as server:
        engine = OpenAIEngine(settings(server.url, **changed))
        server.requests.clear()
        try:
            yield engine, server
        finally:
            engine.close()
