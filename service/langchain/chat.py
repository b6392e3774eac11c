"""The engine's LLM as a LangChain chat model."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from queue import SimpleQueue
from typing import Annotated, Any, Final, Protocol

from anyio.from_thread import BlockingPortal
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage, message_chunk_to_message
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import ConfigDict, Field, InstanceOf, SkipValidation

from prompts.sanitise import neutralise
from prompts.types import Dialogue, Dropped, Message, Role, TemplateRef
from ranking.protocol import Engine, Generator, Streamer
from ranking.types import Completion, GenerationLimits
from retrieval.errors import InputError
from service.langchain.shown import Shown

_ROLES: Final[Mapping[str, Role]] = {"system": "system", "human": "user", "ai": "assistant"}
# The caller wrote the messages: there is no template file to name, only this way of handing them on.
_AS_GIVEN: Final = TemplateRef(
    name="langchain", version=1, language="und", digest=hashlib.sha256(b"langchain 1").hexdigest()[:12]
)


class WritingEngine(Engine, Generator, Protocol):
    """An engine that can write."""


class ChatFewRec(BaseChatModel):
    """Chats with the model of a FewRec engine, which always writes the likeliest token.

    System, human and AI messages of text are understood; consecutive ones of one kind become one, and a conversation
    that ends with an AI message is gone on with from there. Control tokens in messages are made harmless. It calls no
    tools: `bind_tools` raises NotImplementedError, as in every chat model without them. It streams what the engine
    tells while it writes; of an engine that tells nothing, the whole answer as one chunk. Raises InputError for other
    messages and other options, EngineError and its kind as Generator.generate does.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    engine: Annotated[WritingEngine, SkipValidation]
    portal: InstanceOf[BlockingPortal]
    """Where the engine runs; see service.langchain.doors."""
    max_tokens: int = Field(default=256, ge=1)
    """Tokens written at most."""
    stop: list[str] | None = None
    """The answer ends before the first of these texts."""
    streaming: bool = False
    """Let `invoke` too stream, for callbacks that follow what is written."""

    @property
    def _llm_type(self) -> str:
        return "fewrec"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        info = self.engine.info
        return {
            "model": info.model,
            "revision": info.revision,
            "adapter": info.adapter,
            "engine": info.engine,
            "max_tokens": self.max_tokens,
            "stop": self.stop,
        }

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> Any:
        return super()._get_ls_params(stop=stop or self.stop, **{"model": self.engine.info.model, **kwargs})

    def get_num_tokens(self, text: str) -> int:
        """Tokens of a text by the model's own tokenizer, which is here: LangChain's default would look for one."""
        return self.engine.count_tokens(text)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002 - LangChain's name for it
        **kwargs: Any,
    ) -> ChatResult:
        chunk: ChatGenerationChunk = self.portal.call(self._answered, messages, stop, kwargs)
        return _whole(chunk)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002 - LangChain's name for it
        **kwargs: Any,
    ) -> ChatResult:
        return _whole(await self.portal.call_async(self._answered, messages, stop, kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        told: SimpleQueue[ChatGenerationChunk | None] = SimpleQueue()
        answer = self.portal.start_task_soon(self._told, messages, stop, kwargs, told.put)
        answer.add_done_callback(lambda _: told.put(None))
        try:
            while (chunk := told.get()) is not None:
                if run_manager is not None:
                    run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk
            answer.result()
        finally:
            answer.cancel()

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        told: asyncio.Queue[ChatGenerationChunk | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def put(chunk: ChatGenerationChunk | None) -> None:
            with suppress(RuntimeError):  # the caller's loop has ended, and nobody listens
                loop.call_soon_threadsafe(told.put_nowait, chunk)

        answer = self.portal.start_task_soon(self._told, messages, stop, kwargs, put)
        answer.add_done_callback(lambda _: put(None))
        try:
            while (chunk := await told.get()) is not None:
                if run_manager is not None:
                    await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk
            answer.result()
        finally:
            answer.cancel()

    async def _answered(
        self, messages: list[BaseMessage], stop: list[str] | None, options: Mapping[str, Any]
    ) -> ChatGenerationChunk:
        limits = GenerationLimits(max_tokens=self._length(options))
        [completion] = await self.engine.generate([self._dialogue(messages)], limits)
        shown = Shown(self.stop if stop is None else stop)
        return self._last(shown.more(completion.text) + shown.rest(), completion, stopped=shown.stopped)

    async def _told(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        options: Mapping[str, Any],
        tell: Callable[[ChatGenerationChunk], None],
    ) -> None:
        """Tells the answer's chunks; tell may be called from any thread."""
        if not isinstance(self.engine, Streamer):
            tell(await self._answered(messages, stop, options))
            return
        shown = Shown(self.stop if stop is None else stop)

        def grown(piece: str) -> None:
            if text := shown.more(piece):
                tell(ChatGenerationChunk(message=AIMessageChunk(content=text)))

        limits = GenerationLimits(max_tokens=self._length(options))
        completion = await self.engine.stream(self._dialogue(messages), limits, grown)
        tell(self._last(shown.rest(), completion, stopped=shown.stopped))

    def _length(self, options: Mapping[str, Any]) -> int:
        unknown = sorted(set(options) - {"max_tokens", "stream"})
        if unknown:
            raise InputError(f"the local model takes no option {unknown[0]!r}; it takes max_tokens and stop")
        wanted = options.get("max_tokens", self.max_tokens)
        if not isinstance(wanted, int) or wanted < 1:
            raise InputError(f"max_tokens must be a whole number from 1, not {wanted!r}")
        return wanted

    def _dialogue(self, messages: Sequence[BaseMessage]) -> Dialogue:
        runs = groupby((self._turn(message) for message in messages), key=lambda turn: turn.role)
        turns = [Message(role=role, content="\n\n".join(turn.content for turn in run)) for role, run in runs]
        open_answer = turns.pop().content if turns and turns[-1].role == "assistant" else ""
        if not turns:
            raise InputError("there is no message to answer")
        given = [message.text for message in messages]
        neutralised = sum(neutralise(text, self.engine.control_tokens) != text for text in given)
        return Dialogue(
            messages=tuple(turns), answer=open_answer, template=_AS_GIVEN, dropped=Dropped(neutralised=neutralised)
        )

    def _turn(self, message: BaseMessage) -> Message:
        role = _ROLES.get(message.type)
        if role is None:
            raise InputError(f"the local model takes system, human and AI messages, not {message.type!r}")
        parts = [message.content] if isinstance(message.content, str) else message.content
        if any(not isinstance(part, str) and part.get("type") != "text" for part in parts):
            raise InputError(f"the local model reads text only; a {message.type} message holds something else")
        # A lone surrogate is half a character, which no tokenizer takes.
        text = message.text.encode("utf-8", "replace").decode("utf-8")
        return Message(role=role, content=neutralise(text, self.engine.control_tokens))

    def _last(self, text: str, completion: Completion, *, stopped: bool) -> ChatGenerationChunk:
        """The chunk at the answer's end, with what it cost."""
        finish = {"finish_reason": "stop" if stopped else completion.finished}
        message = AIMessageChunk(
            content=text,
            usage_metadata=UsageMetadata(
                input_tokens=completion.prompt_tokens,
                output_tokens=completion.completion_tokens,
                total_tokens=completion.prompt_tokens + completion.completion_tokens,
            ),
            response_metadata={"model_name": self.engine.info.model, **finish},
            chunk_position="last",
        )
        return ChatGenerationChunk(message=message, generation_info=finish)


def _whole(chunk: ChatGenerationChunk) -> ChatResult:
    message = message_chunk_to_message(chunk.message)
    return ChatResult(generations=[ChatGeneration(message=message, generation_info=chunk.generation_info)])
