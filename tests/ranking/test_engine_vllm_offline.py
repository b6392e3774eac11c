"""What is asked of vllm.LLM and read from it, with a stand-in: vLLM itself needs a GPU machine and is not here."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ranking.engine_settings import VllmOfflineSettings
from ranking.engines.vllm_offline import VllmOfflineEngine, load
from ranking.errors import ConfigError, EngineError
from ranking.factory import open_engine
from ranking.settings import ModelSettings, Settings
from tests.contracts.engine_suite import EngineSuite, likelihood_prompt, yes_no_prompt
from tests.ranking.fake_vllm import logprobs_after
from tests.ranking.tiny_model import save_tiny_model


@dataclass
class FakeLLM:
    """Answers like vllm.LLM.generate, over the model made of hashes."""

    broken: float | None = None
    """Stands in for every log-probability."""
    missing: int = 0
    """Results that are left out."""
    fields: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, prompts: list[list[int]], fields: dict[str, Any]) -> list[Any]:
        self.fields.append(fields)
        return [self._output(prompt, fields) for prompt in prompts[self.missing :]]

    def _output(self, prompt: list[int], fields: dict[str, Any]) -> Any:
        known = logprobs_after(prompt)
        labels = {token: self._told(known[token]) for token in fields.get("logprob_token_ids", [])}
        texts = [None, *({prompt[n]: self._told(logprobs_after(prompt[:n])[prompt[n]])} for n in range(1, len(prompt)))]
        return SimpleNamespace(
            outputs=[SimpleNamespace(logprobs=[labels])],
            prompt_logprobs=texts if "prompt_logprobs" in fields else None,
            num_cached_tokens=16,
        )

    def _told(self, value: float) -> Any:
        return SimpleNamespace(logprob=float(value) if self.broken is None else self.broken)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("offline") / "tiny")


def _engine(folder: Path, llm: FakeLLM) -> VllmOfflineEngine:
    return VllmOfflineEngine(
        ModelSettings(name=str(folder)), VllmOfflineSettings(), folder / "cache", load=lambda *_: llm
    )


class TestVllmOffline(EngineSuite):
    @pytest.fixture
    def engine(self, folder: Path) -> Iterator[VllmOfflineEngine]:
        with closing(_engine(folder, FakeLLM())) as engine:
            yield engine


async def test_labels_are_asked_for_by_their_token_ids(folder: Path) -> None:
    llm = FakeLLM()
    with closing(_engine(folder, llm)) as engine:
        (scores,) = await engine.score([yes_no_prompt(" Aliens", " Heat")])
    assert [set(fields) for fields in llm.fields] == [{"logprobs", "logprob_token_ids"}]
    assert scores.cached_tokens == 16


async def test_prompts_that_ask_for_the_same_labels_go_to_the_library_together(folder: Path) -> None:
    llm = FakeLLM()
    asked = [yes_no_prompt(" Aliens", " Heat"), likelihood_prompt(" Up"), yes_no_prompt(), yes_no_prompt(" Jaws")]
    with closing(_engine(folder, llm)) as engine:
        together = await engine.score(asked)
        assert len(llm.fields) == 2
        assert together == [(await engine.score([prompt]))[0] for prompt in asked]


@pytest.mark.parametrize(
    ("llm", "message"),
    [(FakeLLM(broken=math.nan), "not finite"), (FakeLLM(missing=1), "0 results for 1 prompts")],
)
async def test_an_answer_that_cannot_be_used_is_refused(folder: Path, llm: FakeLLM, message: str) -> None:
    with closing(_engine(folder, llm)) as engine:
        for prompt in (yes_no_prompt(" Aliens"), likelihood_prompt(" Aliens")):
            with pytest.raises(EngineError, match=message):
                await engine.score([prompt])


def test_without_vllm_the_settings_are_refused_with_the_way_out(folder: Path, tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path, cache=tmp_path, model=ModelSettings(name=str(folder)), engine=VllmOfflineSettings()
    )
    with pytest.raises(ConfigError, match=r"pip install -e '\.\[vllm\]'"), open_engine(settings):
        pass


def test_the_library_is_given_the_model_and_token_ids(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    class FakeLibrary:
        def __init__(self, **options: Any) -> None:
            given.update(options)

        def generate(self, prompts: Any, params: Any, *, use_tqdm: bool) -> list[Any]:
            given.update(prompts=prompts, params=params, use_tqdm=use_tqdm)
            return ["one"]

    library = SimpleNamespace(LLM=FakeLibrary, SamplingParams=lambda **fields: fields)
    monkeypatch.setitem(sys.modules, "vllm", library)  # stands in for a module
    ask = load(folder, ModelSettings(dtype="bfloat16"), VllmOfflineSettings(gpu_memory=0.5))
    assert ask([[1, 2]], {"prompt_logprobs": 0}) == ["one"]
    assert given == {
        "model": str(folder),
        "dtype": "bfloat16",
        "gpu_memory_utilization": 0.5,
        "enable_prefix_caching": True,
        "prompts": [{"prompt_token_ids": [1, 2]}],
        "params": {"max_tokens": 1, "temperature": 0.0, "prompt_logprobs": 0},
        "use_tqdm": False,
    }
