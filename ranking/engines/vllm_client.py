"""One model of a vLLM server: asks it, and takes nothing from an answer that is not what was asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ranking.engines.http import Server, all_or_none
from ranking.engines.vllm_wire import TOKEN_ID, Ask, AskScores, Choice, Completions, ModelCard, Models, Score, Scores
from ranking.errors import ServerAnswerError

_AT_ONCE = 256
"""Prompts of one request; a server takes 1,024 by default."""
_ZERO = -9999.0
"""What the server writes for the logarithm of zero."""

One = TypeVar("One", Choice, Score)


@dataclass(frozen=True, kw_only=True, slots=True)
class Labelled:
    """What was measured of a number of prompts, in their order."""

    values: tuple[tuple[float, ...], ...]
    """For each prompt a number for each label; only their differences count."""
    cached_tokens: int
    """Tokens of the last prompt that the server had computed before; 0 where it does not tell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """What the model wrote."""

    text: str
    tokens: int
    finish_reason: str | None


class VllmClient:
    """Asks one model of a server. Raises the ServerErrors of ranking.errors, and names nothing that was sent."""

    def __init__(self, server: Server, model: str) -> None:
        self._server = server
        self.model = model

    async def label_logprobs(self, prompts: Sequence[tuple[int, ...]], labels: Sequence[int]) -> Labelled:
        """Log-probability of each label, over the whole vocabulary, as the next token of each prompt."""
        parts = [prompts[start : start + _AT_ONCE] for start in range(0, len(prompts), _AT_ONCE)]
        fields = {"logprobs": len(labels), "logprob_token_ids": tuple(labels), "return_tokens_as_token_ids": True}
        answers = await all_or_none(self._complete(part, 1, **fields) for part in parts)
        return Labelled(
            values=tuple(self._labels(choice, labels) for answer in answers for choice in answer.choices),
            cached_tokens=_cached(answers),
        )

    async def first_label_logits(
        self, prefix: tuple[int, ...], items: Sequence[tuple[int, ...]], labels: Sequence[int]
    ) -> Labelled:
        """Logit of the first of two labels, and 0 for the second, as the next token of the prefix with each item."""
        parts = [items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE)]
        answers = await all_or_none(self._scores(prefix, part, labels) for part in parts)
        return Labelled(
            values=tuple((self._logit(score), 0.0) for answer in answers for score in answer.data),
            cached_tokens=_cached(answers),
        )

    async def text_logprobs(self, prompts: Sequence[tuple[int, ...]], lengths: Sequence[int]) -> Labelled:
        """Log-probability of the last `length` tokens of each prompt, all together; one number for each prompt.

        The server computes such prompts from their first token, whatever it has seen before.
        """
        parts = [prompts[start : start + _AT_ONCE] for start in range(0, len(prompts), _AT_ONCE)]
        answers = await all_or_none(self._complete(part, 1, prompt_logprobs=0) for part in parts)
        choices = [choice for answer in answers for choice in answer.choices]
        return Labelled(
            values=tuple(
                (self._text(choice, prompt, length),)
                for choice, prompt, length in zip(choices, prompts, lengths, strict=True)
            ),
            cached_tokens=0,
        )

    async def write(
        self, prompt: tuple[int, ...], max_tokens: int, structured_outputs: dict[str, Any] | None = None
    ) -> Text:
        """What the model writes after a prompt, the likeliest token each time."""
        fields = {} if structured_outputs is None else {"structured_outputs": structured_outputs}
        answer = await self._complete([prompt], max_tokens, **fields)
        [choice] = answer.choices
        written = answer.usage.completion_tokens
        if written is None:
            raise self._wrong("/v1/completions", "it does not say how many tokens it wrote")
        return Text(text=choice.text, tokens=written, finish_reason=choice.finish_reason)

    async def _complete(self, prompts: Sequence[tuple[int, ...]], max_tokens: int, **fields: Any) -> Completions:
        path = "/v1/completions"
        asked = Ask(
            model=self.model,
            prompt=tuple(prompts),
            max_tokens=max_tokens,
            temperature=0.0,
            repetition_penalty=1.0,
            **fields,
        )
        answer = await self._server.post(path, asked, Completions)
        self._check_model(path, answer.model)
        return answer.model_copy(update={"choices": self._in_order(path, answer.choices, len(prompts))})

    async def _scores(self, prefix: tuple[int, ...], items: Sequence[tuple[int, ...]], labels: Sequence[int]) -> Scores:
        path = "/generative_scoring"
        asked = AskScores(
            model=self.model, query=prefix, items=tuple(items), label_token_ids=tuple(labels), apply_softmax=True
        )
        answer = await self._server.post(path, asked, Scores)
        self._check_model(path, answer.model)
        return answer.model_copy(update={"data": self._in_order(path, answer.data, len(items))})

    def _in_order(self, path: str, found: Sequence[One], wanted: int) -> list[One]:
        ordered = sorted(found, key=lambda one: one.index)
        if [one.index for one in ordered] != list(range(wanted)):
            raise self._wrong(path, f"it holds {len(found)} results for {wanted} prompts, or not one for each")
        return ordered

    def _check_model(self, path: str, answered: str) -> None:
        if answered != self.model:
            raise self._wrong(path, f"model {answered!r} answered, not {self.model!r}")

    def _labels(self, choice: Choice, labels: Sequence[int]) -> tuple[float, ...]:
        places = choice.logprobs.top_logprobs if choice.logprobs is not None else []
        told = (places[0] or {}) if places else {}
        return tuple(self._finite(told.get(f"{TOKEN_ID}{label}")) for label in labels)

    def _text(self, choice: Choice, prompt: tuple[int, ...], length: int) -> float:
        told = choice.prompt_logprobs or []
        if len(told) != len(prompt):
            raise self._wrong("/v1/completions", f"it holds {len(told)} log-probabilities for {len(prompt)} tokens")
        pairs = zip(told[-length:], prompt[-length:], strict=True)
        found = [place.get(token) if place is not None else None for place, token in pairs]
        return math.fsum(self._finite(None if one is None else one.logprob) for one in found)

    def _finite(self, value: float | None) -> float:
        """A log-probability that can be reckoned with."""
        if value is None:
            raise self._wrong("/v1/completions", "it leaves out a log-probability that was asked for")
        if not math.isfinite(value) or value <= _ZERO or value > 0:
            raise self._wrong("/v1/completions", f"{value} is not the logarithm of a probability above zero")
        return value

    def _logit(self, score: Score) -> float:
        value = score.score
        if value is None or not 0 < value < 1:
            raise self._wrong("/generative_scoring", f"{value} is not a probability between 0 and 1")
        return math.log(value) - math.log1p(-value)

    def _wrong(self, path: str, what: str) -> ServerAnswerError:
        return ServerAnswerError(
            f"the answer of {self._server.address} to {path} cannot be used: {what}; is it the right server, and its "
            "model undamaged?"
        )


async def offered_models(server: Server) -> Sequence[ModelCard]:
    """The models and adapters that a server offers."""
    return (await server.get("/v1/models", Models)).data


def _cached(answers: Sequence[Completions | Scores]) -> int:
    details = answers[-1].usage.prompt_tokens_details if answers else None
    return 0 if details is None or details.cached_tokens is None else details.cached_tokens
