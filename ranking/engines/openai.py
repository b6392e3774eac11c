"""The engine behind any OpenAI-compatible chat API: Ollama, llama.cpp, LM Studio, a hosted model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import JsonValue

from prompts.types import Dialogue, Prompt
from ranking.engine_settings import OpenAISettings
from ranking.engines.chat import (
    COMMON_CONTROL_TOKENS,
    Question,
    TokenLogprob,
    dialogue_question,
    estimated_tokens,
    label_logprobs,
    score_each,
)
from ranking.engines.http import Server, all_or_none, wait_for
from ranking.engines.openai_client import Client, Offer, logprobs_fields, order_of, probe
from ranking.engines.openai_wire import Chat, json_schema, permutation_schema
from ranking.errors import EngineError, ServerAnswerError
from ranking.types import (
    BranchScore,
    Capability,
    Completion,
    EngineInfo,
    GenerationLimits,
    Permutation,
    PromptScores,
)

_JSON_MARKUP = 32
"""Further tokens for the braces, names and white space of a permutation written as JSON."""


class OpenAIEngine:
    """Implements ranking.protocol.Engine and Generator over /chat/completions.

    What the server offers is found out when the engine is made, with a few short requests that hold nothing of any
    user; raises the ServerErrors of ranking.errors. info.route names what is used:

    - "logprobs": labels are weighed by the log-probabilities of the answer's first token, one request for each
      different branch. Without it the capability "labels" is missing: a written Yes is a verdict without a degree, and
      a number made up for it would pass for a measured one. Strategies that read what a model writes remain.
    - "json_schema": what the model writes is held to the form asked for; "text": it is not, and is only parsed.

    The likelihood of a text cannot be asked for in a chat. The server's tokenizer is not known: lengths are estimated
    from above, and what may not fit settings.max_context is refused before anything is sent. Tokens are reported as the
    server counts them, if it does.
    """

    def __init__(self, settings: OpenAISettings) -> None:
        self._settings = settings
        self._server = Server(settings)
        self._client = Client(self._server, settings)
        try:
            self._offer = wait_for(probe, self._client, settings, self._server.address)
        except BaseException:
            self._server.close()
            raise
        self._info = EngineInfo(
            engine="openai",
            model=settings.served_model,
            revision=self._offer.revision,
            adapter=None,
            device="server on this machine" if settings.on_this_machine else "server elsewhere",
            dtype="unknown",
            max_context=settings.max_context,
            parameters=None,
            capabilities=_capabilities(self._offer),
            route=_route(self._offer),
            shares_prefix=False,
        )

    @property
    def info(self) -> EngineInfo:
        """Which model answers, what the server offers, and which of its ways is used."""
        return self._info

    @property
    def control_tokens(self) -> frozenset[str]:
        """Those of the common model families."""
        return COMMON_CONTROL_TOKENS

    def count_tokens(self, text: str) -> int:
        """Tokens of a text, estimated from above."""
        return estimated_tokens(text)

    async def score(self, prompts: Sequence[Prompt]) -> list[PromptScores]:
        """Scores every branch of every prompt, in order. See ranking.protocol.Engine.

        Raises EngineError for a prompt without labels, where the server tells no log-probabilities, and where the model
        answers with none of the labels.
        """
        if prompts and self._offer.likeliest is None:
            raise EngineError(
                f"{self._server.address} tells no log-probabilities of {self._settings.served_model!r}, so labels "
                "cannot be weighed; use a strategy that writes, such as listwise"
            )
        return await score_each(prompts, self._settings.max_context, self._branch)

    async def generate(self, dialogues: Sequence[Dialogue], limits: GenerationLimits) -> list[Completion]:
        """What the model writes for each dialogue, in order, one request each. See ranking.protocol.Generator.

        A permutation is asked for as JSON and given back in its own form. A server cannot be told that each number
        comes once, so it counts as constrained only where that turned out so.
        """
        allowed = self._allowed(limits)
        asked = [dialogue_question(dialogue, allowed, self._settings.max_context) for dialogue in dialogues]
        return await all_or_none(self._completion(question, limits) for question in asked)

    def close(self) -> None:
        """Closes the connections."""
        self._server.close()

    async def _branch(self, prompt: Prompt, question: Question) -> BranchScore:
        fields = logprobs_fields(self._offer.dialect, self._offer.likeliest or 0)
        answer = await self._client.chat(question.messages, self._offer.dialect, 1, **fields)
        likeliest = [
            TokenLogprob(token=one.token, logprob=one.logprob) for one in answer.likeliest if one.logprob is not None
        ]
        if not likeliest:
            raise ServerAnswerError(f"{self._server.address} left the log-probabilities out that it told before")
        try:
            found = label_logprobs(likeliest, prompt.labels or ())
        except EngineError as error:
            raise ServerAnswerError(f"{self._server.address}: {error}") from error
        return BranchScore(
            label_logits=found.values,
            text_logprob=None,
            n_tokens=_read(answer, question.tokens),
            unseen=found.unseen,
        )

    async def _completion(self, question: Question, limits: GenerationLimits) -> Completion:
        schema = self._schema(limits)
        fields: dict[str, Any] = {} if schema is None else {"response_format": json_schema(schema)}
        answer = await self._client.chat(question.messages, self._offer.dialect, self._allowed(limits), **fields)
        text, constrained = _text(answer.choice.message.content or "", None if schema is None else limits)
        written = None if answer.usage is None else answer.usage.completion_tokens
        return Completion(
            text=text,
            prompt_tokens=_read(answer, question.tokens),
            completion_tokens=estimated_tokens(text) if written is None else written,
            finished=self._finished(answer),
            constrained=constrained,
        )

    def _schema(self, limits: GenerationLimits) -> JsonValue:
        if limits.constraint is None or not self._offer.constrained:
            return None
        if isinstance(limits.constraint, Permutation):
            return permutation_schema(limits.constraint.n)
        return dict(limits.constraint.schema)

    def _allowed(self, limits: GenerationLimits) -> int:
        as_json = self._offer.constrained and isinstance(limits.constraint, Permutation)
        return limits.max_tokens + (_JSON_MARKUP if as_json else 0)

    def _finished(self, answer: Chat) -> Literal["stop", "length"]:
        reason = answer.choice.finish_reason
        if reason == "length":
            return "length"
        if reason in {None, "stop"}:
            return "stop"
        raise ServerAnswerError(
            f"{self._server.address} ended its answer with {str(reason)[:40]!r} instead of writing it; "
            "see what the server forbids"
        )


def _capabilities(offer: Offer) -> frozenset[Capability]:
    found: set[Capability] = {"generate"}
    if offer.likeliest is not None:
        found.add("labels")
    if offer.constrained:
        found.add("constrained")
    return frozenset(found)


def _route(offer: Offer) -> str:
    written = "json_schema" if offer.constrained else "text"
    return written if offer.likeliest is None else f"logprobs, {written}"


def _read(answer: Chat, estimate: int) -> int:
    """Tokens that the server read, estimated if it does not tell."""
    told = None if answer.usage is None else answer.usage.prompt_tokens
    return estimate if told is None else told


def _text(content: str, held_to: GenerationLimits | None) -> tuple[str, bool]:
    """An answer in the form asked for, and whether it was held to it."""
    if held_to is None:
        return content, False
    if isinstance(held_to.constraint, Permutation):
        order = order_of(content, held_to.constraint.n)
        if order is None:
            return content, False
        return ", ".join(map(str, order)), len(set(order)) == len(order)
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return content, False
    return content, True
