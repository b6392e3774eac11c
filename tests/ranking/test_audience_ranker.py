from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from prompts.types import Prompt
from ranking.audience import AudienceRanker, AudienceWording
from ranking.engines.scripted import ScriptedEngine
from ranking.errors import EngineError
from ranking.ladder import Ladder
from ranking.settings import FusionWeights, LadderSettings
from ranking.types import PromptScores
from retrieval.errors import InputError
from retrieval.record import Record
from tests.retrieval.films import NOW, open_films, retriever_of

LLM_FIRST = FusionWeights(llm=9.0)


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    with open_films(tmp_path) as opened:
        yield opened


def likes_weddings(_: Prompt, branch: str) -> float:
    return float(branch.count("wedding"))


class FailingEngine(ScriptedEngine):
    """FAKE engine whose model is gone."""

    async def score(self, prompts: Sequence[Prompt]) -> list[PromptScores]:
        raise EngineError("the model failed")


def ranker(record: Record, engine: ScriptedEngine | None = None, fusion: FusionWeights = LLM_FIRST) -> AudienceRanker:
    engine = engine or ScriptedEngine(likes_weddings)
    return AudienceRanker(audience=retriever_of(record).audience, engine=engine, fusion=fusion)


async def test_the_llm_ranks_users_by_their_histories_with_the_item_shared(record: Record) -> None:
    engine = ScriptedEngine(likes_weddings)
    answer = await ranker(record, engine).rank("newghost", as_of=NOW)
    assert [user.user_id for user in answer.users] == ["bob", "cid", "ann"]
    assert [user.rank for user in answer.users] == [1, 2, 3]
    assert answer.ranked_by == "llm"
    [prompt] = engine.prompts
    assert "ghost horror winter" in prompt.before
    assert set(prompt.branches) == {
        " ghost horror night; ghost horror house",
        " wedding comedy summer; wedding comedy winter",
        " ghost horror night; wedding comedy summer",
    }
    assert "will" in prompt.after.lower()


async def test_retrievals_order_is_joined_with_it(record: Record) -> None:
    answer = await ranker(record, fusion=FusionWeights(llm=0.01)).rank("newghost", as_of=NOW)
    assert [user.user_id for user in answer.users] == ["ann", "cid", "bob"]
    assert {part.name for part in answer.users[0].parts} == {"llm", "retrieval"}
    assert [user.user_id for user in (await ranker(record).rank("newghost", as_of=NOW)).users] == ["bob", "cid", "ann"]


async def test_without_weight_retrieval_ranks_and_it_is_told(record: Record) -> None:
    engine = ScriptedEngine(likes_weddings)
    answer = await ranker(record, engine, FusionWeights(llm=0.0)).rank("newghost", as_of=NOW)
    assert (answer.ranked_by, engine.calls, answer.users[0].user_id) == ("retrieval", 0, "ann")
    assert any("no weight" in note for note in answer.notes)


async def test_a_model_that_fails_leaves_retrievals_order(record: Record) -> None:
    failing = FailingEngine(likes_weddings)
    with Ladder(LadderSettings()) as ladder:
        guarded = AudienceRanker(
            audience=retriever_of(record).audience, engine=failing, fusion=LLM_FIRST, ladder=ladder
        )
        answer = await guarded.rank("newghost", as_of=NOW)
    assert (answer.rung, answer.reason, answer.degraded) == ("retrieval", "engine", True)
    assert [user.retrieval_rank for user in answer.users] == [1, 2, 3]
    with pytest.raises(EngineError):
        await ranker(record, failing).rank("newghost", as_of=NOW)


async def test_long_histories_are_shortened_and_it_is_told(record: Record) -> None:
    engine = ScriptedEngine(likes_weddings)
    wording = AudienceWording(max_tokens=72)
    small = AudienceRanker(audience=retriever_of(record).audience, engine=engine, fusion=LLM_FIRST, wording=wording)
    answer = await small.rank("newghost", as_of=NOW)
    assert answer.dropped.history == 3
    assert any("did not fit" in note for note in answer.notes)
    assert all(";" not in branch for branch in engine.prompts[0].branches)


async def test_n_must_be_positive_and_fewer_is_told(record: Record) -> None:
    with pytest.raises(InputError):
        await ranker(record).rank("newghost", 0, as_of=NOW)
    answer = await ranker(record).rank("newghost", 7, as_of=NOW)
    assert "3 of the 7 users" in answer.notes[0]
