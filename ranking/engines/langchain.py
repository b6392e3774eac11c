"""Any LangChain chat model as an engine. For Python code only: no setting can name an object."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langsmith import tracing_context
from pydantic import ValidationError

from prompts.types import Dialogue, Message, Prompt
from ranking.engines.chat import (
    COMMON_CONTROL_TOKENS,
    Question,
    TokenLogprob,
    dialogue_question,
    estimated_tokens,
    label_logprobs,
    score_each,
)
from ranking.engines.http import all_or_none
from ranking.engines.openai_wire import Logprobs
from ranking.errors import EngineError
from ranking.types import BranchScore, Capability, Completion, EngineInfo, GenerationLimits, PromptScores

_MESSAGES: dict[str, type[BaseMessage]] = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}
_CUT = frozenset({"length", "max_tokens", "MAX_TOKENS"})


class LangChainEngine:
    """Implements ranking.protocol.Engine and Generator over a langchain_core BaseChatModel, one call for each question.

    It writes. With logprobs=True it also weighs labels, if the model is made so that its response_metadata tells them
    as OpenAI does (ChatOpenAI(..., logprobs=True, top_logprobs=20)); that is checked with each answer. What it writes
    is never held to a form. temperature 0 and max_tokens are asked for where the model has fields of these names;
    other models must be made so. Lengths are estimated from above, and what may not fit max_context is refused before a
    call. Tracing to LangSmith, which the environment can turn on, is off: it would send prompts away.
    """

    def __init__(
        self, model: BaseChatModel, *, logprobs: bool = False, max_context: int = 4096, concurrency: int = 8
    ) -> None:
        self._model = model
        self._concurrency = concurrency
        capabilities: set[Capability] = {"generate", "labels"} if logprobs else {"generate"}
        name = getattr(model, "model_name", None) or getattr(model, "model", None)
        self._info = EngineInfo(
            engine="langchain",
            model=name if isinstance(name, str) else type(model).__name__,
            revision="unknown",
            adapter=None,
            device="unknown",
            dtype="unknown",
            max_context=max_context,
            parameters=None,
            capabilities=frozenset(capabilities),
            route="logprobs, text" if logprobs else "text",
            shares_prefix=False,
        )

    @property
    def info(self) -> EngineInfo:
        """Which model answers, and how."""
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

        Raises EngineError for a prompt without labels, for a model that tells no log-probabilities, and where the model
        answers with none of the labels.
        """
        if prompts and "labels" not in self._info.capabilities:
            raise EngineError(
                f"the chat model {self._info.model} was not said to tell log-probabilities, so labels cannot be "
                "weighed; make it so and give logprobs=True, or use a strategy that writes, such as listwise"
            )
        free = asyncio.Semaphore(self._concurrency)
        return await score_each(
            prompts, self._info.max_context, lambda prompt, question: self._branch(prompt, question, free)
        )

    async def generate(self, dialogues: Sequence[Dialogue], limits: GenerationLimits) -> list[Completion]:
        """What the model writes for each dialogue, in order. See ranking.protocol.Generator."""
        limit = self._info.max_context
        asked = [dialogue_question(dialogue, limits.max_tokens, limit) for dialogue in dialogues]
        free = asyncio.Semaphore(self._concurrency)
        return await all_or_none(self._completion(question, limits, free) for question in asked)

    async def _branch(self, prompt: Prompt, question: Question, free: asyncio.Semaphore) -> BranchScore:
        # As drawn by the model: at temperature 0 some providers tell the log-probabilities of a certainty.
        answer = await self._asked(question.messages, free, max_tokens=1, temperature=1.0)
        try:
            told = Logprobs.model_validate(answer.response_metadata.get("logprobs"))
        except ValidationError:
            told = Logprobs()
        first = (told.content[0].top_logprobs or []) if told.content else []
        likeliest = [TokenLogprob(token=one.token, logprob=one.logprob) for one in first if one.logprob is not None]
        if not likeliest:
            raise EngineError(
                f"the chat model {self._info.model} told no log-probabilities; make it with logprobs and top_logprobs"
            )
        found = label_logprobs(likeliest, prompt.labels or ())
        read, _ = _counted(answer)
        return BranchScore(
            label_logits=found.values,
            text_logprob=None,
            n_tokens=question.tokens if read is None else read,
            unseen=found.unseen,
        )

    async def _completion(self, question: Question, limits: GenerationLimits, free: asyncio.Semaphore) -> Completion:
        answer = await self._asked(question.messages, free, max_tokens=limits.max_tokens, temperature=0.0)
        text = str(answer.text)
        read, written = _counted(answer)
        return Completion(
            text=text,
            prompt_tokens=question.tokens if read is None else read,
            completion_tokens=estimated_tokens(text) if written is None else written,
            finished=_finished(answer),
            constrained=False,
        )

    async def _asked(self, messages: Sequence[Message], free: asyncio.Semaphore, **wanted: Any) -> AIMessage:
        fields = type(self._model).model_fields
        known = {*fields, *(field.alias for field in fields.values())}
        given = {name: value for name, value in wanted.items() if name in known}
        async with free:
            try:
                with tracing_context(enabled=False):
                    return await self._model.ainvoke(
                        [_MESSAGES[message.role](content=message.content) for message in messages], **given
                    )
            except Exception as error:
                # Its text is left out: some repeat the prompt or the key.
                raise EngineError(f"the chat model {self._info.model} failed with {type(error).__name__}") from error


def _counted(answer: AIMessage) -> tuple[int | None, int | None]:
    """Tokens read and written, as the model tells; None where it does not."""
    usage = answer.usage_metadata
    return (None, None) if usage is None else (usage["input_tokens"], usage["output_tokens"])


def _finished(answer: AIMessage) -> Literal["stop", "length"]:
    reasons = (answer.response_metadata.get(name) for name in ("finish_reason", "stop_reason", "done_reason"))
    return "length" if any(reason in _CUT for reason in reasons) else "stop"
