"""What is sent to an OpenAI-compatible server and what it answers, as far as FewRec looks at it."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field, JsonValue

from ranking.engines.http import Wire


class Turn(Wire):
    """One message."""

    role: str
    content: str


class Ask(Wire):
    """Body of /chat/completions; fields that are not set are not sent, and further ones may be given."""

    model_config = ConfigDict(extra="allow", frozen=True)

    model: str
    messages: tuple[Turn, ...]
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    response_format: dict[str, Any] | None = None


class TopToken(Wire):
    """A token and its log-probability; null stands for one that cannot be written as JSON."""

    token: str
    logprob: float | None = None


class Position(Wire):
    """The likeliest tokens at one place of the answer."""

    top_logprobs: list[TopToken] | None = None


class Logprobs(Wire):
    """Log-probabilities of an answer, place by place."""

    content: list[Position] | None = None


class Said(Wire):
    """The assistant's message; a model that thinks or refuses may leave its content out."""

    content: str | None = None


class Choice(Wire):
    """One answer."""

    message: Said
    finish_reason: str | None = None
    logprobs: Logprobs | None = None


class Usage(Wire):
    """Tokens as the server counted them."""

    prompt_tokens: int | None = Field(default=None, ge=0)
    completion_tokens: int | None = Field(default=None, ge=0)


class Chat(Wire):
    """Answer of /chat/completions to one request for one choice."""

    choices: list[Choice] = Field(min_length=1, max_length=1)
    model: str | None = None
    usage: Usage | None = None
    system_fingerprint: JsonValue = None

    @property
    def choice(self) -> Choice:
        """The one answer."""
        return self.choices[0]

    @property
    def likeliest(self) -> list[TopToken]:
        """The likeliest first tokens; empty if the server did not tell."""
        logprobs = self.choice.logprobs
        places = (logprobs.content or []) if logprobs is not None else []
        return (places[0].top_logprobs or []) if places else []


class Model(Wire):
    """A model that the server offers."""

    id: str


class Models(Wire):
    """Answer of /models."""

    data: list[Model]


def json_schema(schema: JsonValue) -> dict[str, Any]:
    """The response_format that holds an answer to a JSON Schema."""
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}


def permutation_schema(n: int) -> dict[str, JsonValue]:
    """An object whose "order" is n of the numbers 1 to n; servers cannot be asked for each of them once."""
    number: JsonValue = {"type": "integer", "enum": [*range(1, n + 1)]}
    return {
        "type": "object",
        "properties": {"order": {"type": "array", "items": number, "minItems": n, "maxItems": n}},
        "required": ["order"],
        "additionalProperties": False,
    }
