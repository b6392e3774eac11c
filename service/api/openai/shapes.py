"""OpenAI's chat completions, as far as they make sense for a chat that recommends."""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ranking.types import Recommendation
from retrieval.errors import InputError, NotFoundError
from service.api.fields import Id, Text
from service.chat.recommender import ChatMessage
from service.chat.wire import ChatOut
from service.wire import Wire

MODEL = "fewrec"
"""The one model there is to name."""
_Said = Annotated[str, StringConstraints(max_length=100_000)]


class Lenient(BaseModel):
    """What is not named is passed over, as OpenAI-compatible servers do with sampling options."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class PartIn(Lenient):
    """A part of a message; only text can be read."""

    type: Text
    text: _Said | None = None


class MessageIn(Lenient):
    """One message. Of a conversation, what users said is read, and which lists the assistant showed."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: _Said | Annotated[list[PartIn], Field(max_length=100)] | None = None

    def said(self) -> ChatMessage:
        """As the chat takes it. Raises InputError where a user sends more than text."""
        if self.role not in {"user", "assistant"}:
            return ChatMessage(role="system", content="")
        role: Literal["user", "assistant"] = "user" if self.role == "user" else "assistant"
        return ChatMessage(role=role, content=self._text())

    def _text(self) -> str:
        if self.content is None or isinstance(self.content, str):
            return self.content or ""
        for part in self.content:
            if part.text is None and self.role == "user":
                raise InputError(f"a message has a part of type {part.type!r}, and only text can be read")
        return "\n".join(part.text for part in self.content if part.text is not None)


class StreamOptionsIn(Lenient):
    """Of a stream."""

    include_usage: bool | None = None


class FormatIn(Lenient):
    """The form that a reply shall have."""

    type: Text


class CompletionIn(Lenient):
    """A conversation so far.

    Options that only shape how a model samples change nothing; those that would need another kind of answer are
    refused, unless they ask for what comes anyway.
    """

    model: Text
    messages: Annotated[list[MessageIn], Field(min_length=1, max_length=1000)]
    user: Id | None = None
    """Id of a user in the store; left out, the visitor is a stranger."""
    scenario: Text | None = None
    """Not OpenAI's: as in a request for a list."""
    stream: bool | None = None
    stream_options: StreamOptionsIn | None = None
    n: Annotated[int, Field(ge=1, le=128)] | None = None
    """Must be 1."""
    logprobs: bool | None = None
    """Must be false."""
    modalities: Annotated[list[Text], Field(max_length=10)] | None = None
    """Must be text."""
    response_format: FormatIn | None = None
    """Must be text."""
    tool_choice: Text | dict[str, Any] | None = None
    """Tools are never called, so none can be required."""

    def said(self) -> list[ChatMessage]:
        """The messages as the chat takes them. Raises NotFoundError for another model, InputError as told above."""
        if self.model != MODEL:
            raise NotFoundError(f"no model {self.model[:100]!r} here: name {MODEL!r}")
        refused = {
            "n": self.n not in {None, 1},
            "logprobs": bool(self.logprobs),
            "modalities": self.modalities not in (None, ["text"]),
            "response_format": self.response_format is not None and self.response_format.type != "text",
            "tool_choice": self.tool_choice not in (None, "auto", "none"),
        }
        for option, asked in refused.items():
            if asked:
                raise InputError(f"{option} asks for what this chat cannot do: it answers once, in plain text")
        return [message.said() for message in self.messages]


class UsageOut(Wire):
    """Tokens that the ranking LLM read and wrote; 0 where it was not asked."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int

    @classmethod
    def of(cls, answer: Recommendation | None) -> UsageOut:
        """Of the ranking behind a reply."""
        read, written = (0, 0) if answer is None else (answer.prompt_tokens, answer.completion_tokens)
        return cls(prompt_tokens=read, completion_tokens=written, total_tokens=read + written)


class MessageOut(Wire):
    """What is replied."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class ChoiceOut(Wire):
    """The one reply."""

    index: Literal[0] = 0
    message: MessageOut
    finish_reason: Literal["stop"] = "stop"
    logprobs: None = None


class CompletionOut(Wire):
    """A reply, and beside it what OpenAI has no place for: the items, their reasons, and the list's id for feedback."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str = MODEL
    choices: list[ChoiceOut]
    usage: UsageOut
    fewrec: ChatOut


class DeltaOut(Wire):
    """What a chunk adds."""

    role: Literal["assistant"] | None = None
    content: str | None = None


class ChunkChoiceOut(Wire):
    """A piece of the one reply."""

    index: Literal[0] = 0
    delta: DeltaOut
    finish_reason: Literal["stop"] | None = None


class ChunkOut(Wire):
    """One event of a stream."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str = MODEL
    choices: list[ChunkChoiceOut]
    usage: UsageOut | None = None
    fewrec: ChatOut | None = None


class OneModelOut(Wire):
    """A model that can be named."""

    id: str = MODEL
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "fewrec"


class ModelsOut(Wire):
    """All of them."""

    object: Literal["list"] = "list"
    data: list[OneModelOut]


def model_named(name: str) -> OneModelOut:
    """The model. Raises NotFoundError for another name."""
    if name != MODEL:
        raise NotFoundError(f"no model {name[:100]!r} here: name {MODEL!r}")
    return OneModelOut(created=int(time.time()))
