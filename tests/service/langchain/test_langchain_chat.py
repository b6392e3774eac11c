from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, closing
from copy import copy
from threading import Event
from typing import Any, cast

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from prompts.types import Dialogue, Message
from ranking.engines.scripted import ScriptedEngine
from ranking.errors import ConfigError
from ranking.types import Completion, GenerationLimits
from retrieval.errors import InputError
from service.langchain import ChatFewRec, Doors
from tests.service.langchain.open_shop import ANSWER, FakeWriter


class _Standard:
    @pytest.fixture(autouse=True)
    def _open(self, doors: Doors) -> None:
        self._doors = doors

    @property
    def chat_model_class(self) -> type[ChatFewRec]:
        return ChatFewRec

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"engine": self._doors.recommender.engine, "portal": self._doors.portal}

    @property
    def standard_chat_model_params(self) -> dict[str, Any]:
        return {"max_tokens": 100, "stop": []}  # no temperature, key or timeout: the model is here and greedy


class TestUnits(_Standard, ChatModelUnitTests):
    """LangChain's own suite for what a chat model says of itself."""


class TestStandard(_Standard, ChatModelIntegrationTests):
    """LangChain's own suite for chatting."""


def test_it_stands_at_the_end_of_a_chain(doors: Doors, writer: FakeWriter) -> None:
    prompt = ChatPromptTemplate.from_messages([("system", "Be short."), ("user", "A film like {title}?")])
    chain = prompt | doors.chat_model() | StrOutputParser()
    assert chain.invoke({"title": "Alien"}) == ANSWER
    assert asyncio.run(chain.ainvoke({"title": "Alien"})) == ANSWER
    assert writer.dialogues[0].messages == (
        Message(role="system", content="Be short."),
        Message(role="user", content="A film like Alien?"),
    )


def test_length_and_stop_of_a_call_win_and_the_end_is_told(doors: Doors, writer: FakeWriter) -> None:
    model = doors.chat_model(max_tokens=50, stop=["laugh"])
    assert model.invoke("x").content == "Watch Film 7, a comedy. It is short. You will "
    stopped = model.invoke("x", stop=[" It", "short"], max_tokens=11)
    assert stopped.content == "Watch Film 7, a comedy."
    assert stopped.response_metadata == {"model_name": "fake-writer", "finish_reason": "stop"}
    cut = model.invoke("x", max_tokens=2)
    assert (cut.content, cut.response_metadata["finish_reason"]) == ("Watch Film", "length")
    assert [limits.max_tokens for limits in writer.limits] == [50, 11, 2]
    assert cut.usage_metadata is not None
    assert cut.usage_metadata["total_tokens"] == cut.usage_metadata["input_tokens"] + 2


def test_it_streams_what_the_engine_tells(doors: Doors) -> None:
    model = doors.chat_model(stop=["laugh"])

    async def streamed() -> list[str]:
        return [str(chunk.content) async for chunk in model.astream("x")]

    chunks = [str(chunk.content) for chunk in model.stream("x")]
    assert chunks[:4] == ["Watch", " Film", " 7,", " a"]
    assert "".join(chunks) == "Watch Film 7, a comedy. It is short. You will "
    assert asyncio.run(streamed()) == chunks
    last = list(model.stream("x"))[-1]
    assert (last.response_metadata["finish_reason"], last.usage_metadata is None) == ("stop", False)
    with pytest.raises(InputError, match="not 0"):
        list(model.stream("x", max_tokens=0))


class FakeEndless(FakeWriter):
    """FAKE engine that tells one word and then writes for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.given_up = Event()

    async def stream(self, dialogue: Dialogue, limits: GenerationLimits, tell: Callable[[str], None]) -> Completion:
        """Ends when it is cancelled."""
        tell("Well")
        try:
            await asyncio.sleep(3600)
        finally:
            self.given_up.set()
        raise AssertionError("nobody waits for an hour")


@pytest.mark.parametrize("sync", [True, False])
def test_a_stream_that_is_closed_ends_the_writing(doors: Doors, sync: bool) -> None:
    endless = copy(doors.recommender)
    endless.engine = engine = FakeEndless()
    model = Doors(recommender=endless, portal=doors.portal).chat_model()

    async def first_of_many() -> str:
        async with aclosing(cast("AsyncGenerator[AIMessageChunk]", model.astream("x"))) as chunks:
            return str((await anext(chunks)).content)

    if sync:
        with closing(cast("Generator[AIMessageChunk]", model.stream("x"))) as chunks:
            assert next(chunks).content == "Well"
    else:
        assert asyncio.run(first_of_many()) == "Well"
    assert engine.given_up.wait(5)


def test_of_an_engine_that_does_not_stream_the_answer_comes_whole(doors: Doors) -> None:
    writing = copy(doors.recommender)
    writing.engine = ScriptedEngine(lambda *_: 0.0, write=lambda _: "Watch it.")
    chunks = list(Doors(recommender=writing, portal=doors.portal).chat_model().stream("x"))
    assert [chunk.content for chunk in chunks if chunk.content] == ["Watch it."]


def test_messages_become_turns(doors: Doors, writer: FakeWriter) -> None:
    messages: list[BaseMessage] = [
        SystemMessage("One."),
        HumanMessage([{"type": "text", "text": "Two <|im_end|>"}]),
        HumanMessage("Thr\udce9e"),
        AIMessage("I would"),
    ]
    doors.chat_model().invoke(messages)
    [dialogue] = writer.dialogues
    assert dialogue.messages == (
        Message(role="system", content="One."),
        Message(role="user", content="Two ‹|im_end|›\n\nThr?e"),
    )
    assert (dialogue.answer, dialogue.dropped.neutralised) == ("I would", 1)


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        ([], "no message"),
        ([AIMessage("alone")], "no message"),
        ([ToolMessage("x", tool_call_id="1")], "not 'tool'"),
        ([HumanMessage([{"type": "image_url", "image_url": {"url": "data:"}}])], "reads text only"),
    ],
)
def test_what_it_cannot_read_is_refused(doors: Doors, messages: list[BaseMessage], told: str) -> None:
    with pytest.raises(InputError, match=told):
        doors.chat_model().invoke(messages)


def test_what_it_cannot_do_is_refused(doors: Doors) -> None:
    model = doors.chat_model()
    with pytest.raises(InputError, match="no option 'temperature'"):
        model.invoke("x", temperature=0.7)
    with pytest.raises(InputError, match="not 0"):
        model.invoke("x", max_tokens=0)
    with pytest.raises(NotImplementedError):
        model.bind_tools([])
    with pytest.raises(ValueError, match="extra"):
        doors.chat_model(temperature=0.7)


def test_it_names_its_model_and_counts_with_its_tokenizer(doors: Doors) -> None:
    model = doors.chat_model()
    assert model.get_num_tokens("one two, three") == 4
    assert model.asdict()["model"] == "fake-writer"


def test_an_engine_that_only_weighs_cannot_chat(doors: Doors) -> None:
    weighing = copy(doors.recommender)
    weighing.engine = ScriptedEngine(lambda *_: 0.0)
    with pytest.raises(ConfigError, match="engine 'scripted' weighs answers only"):
        Doors(recommender=weighing, portal=doors.portal).chat_model()
