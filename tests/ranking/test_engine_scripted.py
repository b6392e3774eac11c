from __future__ import annotations

import pytest

from ranking.engines.scripted import ScriptedEngine
from ranking.errors import EngineError
from ranking.protocol import Engine
from tests.contracts.engine_suite import EngineSuite, yes_no_prompt


class TestScriptedEngine(EngineSuite):
    @pytest.fixture
    def engine(self) -> Engine:
        return ScriptedEngine(lambda prompt, branch: -float(len(branch)))


async def test_it_keeps_what_it_was_asked() -> None:
    engine = ScriptedEngine(lambda prompt, branch: 1.5)
    (scores,) = await engine.score([yes_no_prompt(" Aliens")])
    assert scores.branches[0].label_logits == (1.5, 0.0)
    assert engine.calls == 1
    assert engine.prompts == [yes_no_prompt(" Aliens")]


async def test_a_score_that_is_no_number_is_refused() -> None:
    with pytest.raises(EngineError, match="Aliens"):
        await ScriptedEngine(lambda prompt, branch: float("nan")).score([yes_no_prompt(" Aliens")])
