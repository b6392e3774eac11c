"""LangChain chat models as engines: its own fakes, and one that answers as OpenAI's does."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import pytest
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.fake_chat_models import FakeListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langsmith import tracing_context
from langsmith.utils import tracing_is_enabled

from ranking.engines.langchain import LangChainEngine
from ranking.errors import EngineError, PromptTooLongError
from ranking.types import GenerationLimits, Permutation
from tests.contracts.engine_suite import EngineSuite, GeneratorSuite, dialogue, likelihood_prompt, yes_no_prompt

SECRET = "the prompt that nobody may read"


class FakeOpenAIChatModel(BaseChatModel):
    """Implements BaseChatModel without a server: tells log-probabilities in its metadata as langchain-openai does."""

    model_name: str = "small"
    max_tokens: int = 100
    asked: list[dict[str, Any]] = []  # noqa: RUF012 - pydantic copies it
    top: list[dict[str, Any]] | None = None
    error: str | None = None

    @property
    def _llm_type(self) -> str:
        return "fake-openai"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        if self.error is not None:
            raise ValueError(self.error)
        self.asked.append({"messages": messages, "traced": tracing_is_enabled(), **kwargs})
        text = messages[-1].text
        yes = 0.1 + 0.6 * hashlib.sha256(text.encode()).digest()[0] / 255
        top = [{"token": "Yes", "logprob": math.log(yes)}, {"token": " no", "logprob": math.log(0.9 - yes)}]
        written = kwargs.get("max_tokens", 9)
        message = AIMessage(
            content=" ".join(["word"] * written),
            response_metadata={
                "finish_reason": "length",
                "logprobs": {"content": [{"token": "Yes", "logprob": -0.1, "top_logprobs": self.top or top}]},
            },
            usage_metadata={"input_tokens": len(text), "output_tokens": written, "total_tokens": len(text)},
        )
        return ChatResult(generations=[ChatGeneration(message=message)])


class TestLangChainEngine(EngineSuite):
    knows_tokens = False

    @pytest.fixture
    def engine(self) -> LangChainEngine:
        return LangChainEngine(FakeOpenAIChatModel(), logprobs=True)


class TestLangChainEngineWrites(GeneratorSuite):
    @pytest.fixture
    def engine(self) -> LangChainEngine:
        return LangChainEngine(FakeOpenAIChatModel(), logprobs=True)


async def test_what_any_chat_model_writes_is_given_back() -> None:
    engine = LangChainEngine(FakeListChatModel(responses=["2, 1", "1, 2"]))
    limits = GenerationLimits(max_tokens=20, constraint=Permutation(n=2))
    [first] = await engine.generate([dialogue(answer="Order:")], limits)
    [second] = await engine.generate([dialogue()], limits)
    assert (first.text, second.text) == ("2, 1", "1, 2")
    assert first.prompt_tokens > second.prompt_tokens > 0
    assert (first.finished, first.constrained) == ("stop", False)
    assert engine.info.capabilities == {"generate"}
    assert engine.info.model == "FakeListChatModel"


async def test_text_is_taken_out_of_content_blocks() -> None:
    blocks = AIMessage(content=[{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "2, 1"}])
    engine = LangChainEngine(GenericFakeChatModel(messages=iter([blocks])))
    [written] = await engine.generate([dialogue()], GenerationLimits(max_tokens=20))
    assert written.text == "2, 1"


async def test_roles_and_options_reach_the_model() -> None:
    model = FakeOpenAIChatModel()
    [written] = await LangChainEngine(model).generate([dialogue(answer="Film:")], GenerationLimits(max_tokens=7))
    [asked] = model.asked
    assert [(one.type, one.text) for one in asked["messages"]] == [
        ("system", "You rank films."),
        ("human", "Which film next?\nFilm:"),
    ]
    assert asked["max_tokens"] == 7
    assert "temperature" not in asked  # this model has no such field
    assert (written.finished, written.completion_tokens) == ("length", 7)


async def test_labels_are_weighed_once_for_each_different_candidate() -> None:
    model = FakeOpenAIChatModel()
    [scores] = await LangChainEngine(model, logprobs=True).score([yes_no_prompt(" Aliens", " Heat", " Aliens")])
    assert len(model.asked) == 2
    yes, no = scores.branches[0].label_logits or ()
    assert math.exp(yes) + math.exp(no) == pytest.approx(0.9)
    assert scores.branches[0] == scores.branches[2]


async def test_a_label_that_is_not_shown_is_told() -> None:
    model = FakeOpenAIChatModel(top=[{"token": "Yes", "logprob": -0.5}, {"token": "Hm", "logprob": -2.0}])
    [scores] = await LangChainEngine(model, logprobs=True).score([yes_no_prompt(" Aliens")])
    assert scores.branches[0].label_logits == (-0.5, -2.0)
    assert scores.branches[0].unseen == (1,)


@pytest.mark.parametrize(
    ("model", "logprobs", "says"),
    [
        (FakeOpenAIChatModel(), False, "logprobs=True"),
        (FakeListChatModel(responses=["Yes"]), True, "told no log-probabilities"),
        (FakeOpenAIChatModel(top=[{"token": "Hm", "logprob": -0.5}]), True, "likeliest first tokens"),
        (FakeOpenAIChatModel(top=[{"token": "Yes", "logprob": math.nan}]), True, "not a number"),
    ],
)
async def test_labels_need_log_probabilities(model: BaseChatModel, logprobs: bool, says: str) -> None:
    with pytest.raises(EngineError, match=says):
        await LangChainEngine(model, logprobs=logprobs).score([yes_no_prompt(" Aliens")])


async def test_the_likelihood_of_a_text_cannot_be_asked_for() -> None:
    with pytest.raises(EngineError, match="how likely a text is"):
        await LangChainEngine(FakeOpenAIChatModel(), logprobs=True).score([likelihood_prompt(" Aliens")])


async def test_a_model_that_fails_is_named_without_what_it_says() -> None:
    engine = LangChainEngine(FakeOpenAIChatModel(error=SECRET))
    with pytest.raises(EngineError, match="small failed with ValueError") as told:
        await engine.generate([dialogue()], GenerationLimits(max_tokens=5))
    assert SECRET not in str(told.value)


async def test_what_is_too_long_is_refused_before_a_call() -> None:
    model = FakeOpenAIChatModel()
    with pytest.raises(PromptTooLongError, match="100"):
        await LangChainEngine(model, max_context=100).generate([dialogue("word " * 99)], GenerationLimits(max_tokens=5))
    assert model.asked == []


async def test_nothing_is_traced_even_where_that_was_turned_on() -> None:
    model = FakeOpenAIChatModel()
    with tracing_context(enabled=True):
        assert tracing_is_enabled()
        await LangChainEngine(model).generate([dialogue()], GenerationLimits(max_tokens=5))
    assert [asked["traced"] for asked in model.asked] == [False]
