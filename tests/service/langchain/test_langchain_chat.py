from __future__ import annotations

import asyncio
from copy import copy
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from prompts.types import Message
from ranking.engines.scripted import ScriptedEngine
from ranking.errors import ConfigError
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
