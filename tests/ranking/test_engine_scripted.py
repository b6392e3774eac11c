from __future__ import annotations

import pytest

from ranking.engines.scripted import ScriptedEngine
from ranking.errors import EngineError
from ranking.types import GenerationLimits
from tests.contracts.engine_suite import EngineSuite, GeneratorSuite, WritingEngine, dialogue, yes_no_prompt


class TestScriptedEngine(EngineSuite, GeneratorSuite):
    @pytest.fixture
    def engine(self) -> WritingEngine:
        return ScriptedEngine(lambda prompt, branch: -float(len(branch)), write=lambda dialogue: "Aliens, then Heat.")


async def test_it_keeps_what_it_was_asked() -> None:
    engine = ScriptedEngine(lambda prompt, branch: 1.5)
    (scores,) = await engine.score([yes_no_prompt(" Aliens")])
    assert scores.branches[0].label_logits == (1.5, 0.0)
    assert engine.calls == 1
    assert engine.prompts == [yes_no_prompt(" Aliens")]


async def test_a_score_that_is_no_number_is_refused() -> None:
    with pytest.raises(EngineError, match="Aliens"):
        await ScriptedEngine(lambda prompt, branch: float("nan")).score([yes_no_prompt(" Aliens")])


async def test_without_a_function_it_writes_nothing() -> None:
    engine = ScriptedEngine(lambda prompt, branch: 1.5)
    assert "generate" not in engine.info.capabilities
    with pytest.raises(EngineError, match="write"):
        await engine.generate([dialogue()], GenerationLimits(max_tokens=4))


async def test_what_it_writes_is_cut_at_the_limit() -> None:
    engine = ScriptedEngine(lambda prompt, branch: 1.5, write=lambda dialogue: "Aliens, then Heat.")
    (whole,) = await engine.generate([dialogue()], GenerationLimits(max_tokens=5))
    (cut,) = await engine.generate([dialogue()], GenerationLimits(max_tokens=2))
    assert (whole.text, whole.finished, whole.completion_tokens) == ("Aliens, then Heat.", "stop", 5)
    assert (cut.text, cut.finished, cut.completion_tokens) == ("Aliens,", "length", 2)
    assert engine.dialogues == [dialogue()] * 2
