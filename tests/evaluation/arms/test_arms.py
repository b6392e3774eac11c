"""Arms: the Recommender as it is served, over a case's own candidates and history."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evaluation.arms.baseline import BaselineRanker
from evaluation.arms.config import LlmArm
from evaluation.arms.llm import LlmRanker
from evaluation.arms.remembered import Remembered
from evaluation.protocol import Scores
from evaluation.types import Case
from prompts.types import Prompt, PromptContext
from ranking.engines.scripted import ScriptedEngine
from ranking.factory import choose_template, compose
from ranking.settings import load_settings
from ranking.strategies.registry import build_strategy
from retrieval.store import Store
from retrieval.types import User
from tests.evaluation.arms.films import Shelf, case


def prefers_late(_: Prompt, branch: str) -> float:
    return float(branch.rsplit(maxsplit=1)[-1].removeprefix("Film "))


def ranker(store: Store, arm: LlmArm) -> tuple[LlmRanker, ScriptedEngine]:
    settings = load_settings(**arm.flags())
    engine, template = ScriptedEngine(prefers_late), choose_template(settings)
    return LlmRanker("llm", compose(settings, store, engine, template), template, settings), engine


def test_scores_come_in_the_cases_order_of_candidates(store: Store) -> None:
    arm, _ = ranker(store, LlmArm(strategy="yes-no"))
    [ranked] = asyncio.run(arm.rank([case(7, 3, 11)]))
    assert np.argsort(ranked.scores).tolist() == [1, 0, 2]
    assert ranked.llm is not None
    assert ranked.llm.llm_scores == (7.0, 3.0, 11.0)
    assert ranked.llm.raw == ((7.0, 0.0), (3.0, 0.0), (11.0, 0.0))
    assert not ranked.contract.fell_back


def test_the_cases_history_counts_and_not_the_records(store: Store) -> None:
    arm, engine = ranker(store, LlmArm(strategy="yes-no"))
    asyncio.run(arm.rank([case(7, 3, history=[4])]))
    shown = str(engine.prompts[0])
    assert "Film 4" in shown
    assert "Film 1'" not in shown
    assert "Film 0" not in shown


def test_without_anything_to_go_by_the_signals_decide_and_the_fall_back_is_counted(store: Store) -> None:
    arm, engine = ranker(store, LlmArm(strategy="yes-no", fusion="served"))
    [ranked] = asyncio.run(arm.rank([case(7, 0, 5, history=[], user=None)]))
    assert engine.calls == 0
    assert ranked.contract.fell_back
    assert ranked.llm is None
    assert np.argsort(ranked.scores).tolist() == [0, 2, 1]  # by popularity, not as shown


@pytest.mark.parametrize(("strategy", "expected"), [("yes-no", 1 / (1 + math.exp(-7))), ("likelihood", 3.5)])
def test_a_labelled_case_gets_the_models_own_score(store: Store, strategy: Any, expected: float) -> None:
    arm, _ = ranker(store, LlmArm(strategy=strategy))
    [ranked] = asyncio.run(arm.rank([case(7, target=None, label=1.0)]))
    assert ranked.scores == pytest.approx((expected,))


def test_the_prompt_of_a_candidate_can_be_read(store: Store) -> None:
    arm, _ = ranker(store, LlmArm(strategy="yes-no"))
    text = arm.prompt(case(7, 3), "f3")
    assert "Film 3" in text
    assert "Film 7" not in text


def test_a_preview_counts_and_times(store: Store) -> None:
    arm, engine = ranker(store, LlmArm())
    preview = asyncio.run(arm.preview(case(7, 3)))
    cost = preview.cost
    assert (cost.model_calls, cost.questions, cost.completion_tokens) == (1, 2, 0)
    assert cost.prompt_tokens > 20
    assert preview.seconds is not None
    assert preview.seconds > 0
    assert engine.calls == 2, "once to warm up, once to be timed"


def test_batches_do_not_matter(store: Store) -> None:
    cases = [replace(case(7, 3, 11, history=past), case_id=str(past)) for past in ([0], [1, 2], [4, 5, 6])]
    whole = asyncio.run(ranker(store, LlmArm(shots=1))[0].rank(cases))
    single = [asyncio.run(ranker(store, LlmArm(shots=1))[0].rank([one]))[0] for one in cases]
    assert [one.scores for one in whole] == [one.scores for one in single]


def remembered(shelf: Shelf, engine: ScriptedEngine, strategy: str = "likelihood", **identity: object) -> Remembered:
    settings = load_settings(strategy=strategy)
    return Remembered(build_strategy(settings, engine, choose_template(settings)), shelf, identity)


def context(*candidates: int, past: int = 0) -> PromptContext:
    shown = case(*candidates, history=[past])
    return PromptContext(history=shown.history, candidates=shown.candidates)


@pytest.mark.parametrize("strategy", ["likelihood", "yes-no"])
def test_what_was_scored_is_not_scored_again(strategy: str) -> None:
    shelf, engine = Shelf(), ScriptedEngine(prefers_late)
    asked = [context(1, 2), context(1, 2), context(3, 4)]
    first = asyncio.run(remembered(shelf, engine, strategy).score(asked))
    calls = engine.calls
    again = asyncio.run(remembered(shelf, engine, strategy).score(asked))
    assert again == first
    assert engine.calls == calls
    assert len(shelf.kept) == 2


def test_everything_that_matters_is_part_of_the_key() -> None:
    shelf, engine = Shelf(), ScriptedEngine(prefers_late)
    for identity in ({"model": "a"}, {"model": "b"}, {"model": "a", "adapter": "x"}):
        for asked in (context(1, 2), context(2, 1), context(1, 2, past=5)):
            asyncio.run(remembered(shelf, engine, **identity).score([asked]))
    asyncio.run(remembered(shelf, engine, "yes-no", model="a").score([context(1, 2)]))
    assert len(shelf.kept) == 10


class Rows:
    """FAKE baseline: a candidate's score is its place."""

    def score(self, cases: Sequence[Case]) -> list[Scores]:
        return [np.arange(len(one.candidates), dtype=np.float64) for one in cases]


def test_who_the_user_is_makes_no_difference_but_what_is_told_of_them_does() -> None:
    shelf, engine = Shelf(), ScriptedEngine(prefers_late)
    asked = PromptContext(history=case(7).history, candidates=case(7, 3).candidates)
    somebody = User(user_id="anna")
    for user in (None, somebody, User(user_id="ben")):
        asyncio.run(remembered(shelf, engine).score([replace(asked, user=user)]))
    assert engine.calls == 1
    asyncio.run(remembered(shelf, engine).score([replace(asked, user=replace(somebody, attributes={"age": 30}))]))
    assert engine.calls == 2


def test_a_baseline_is_an_arm() -> None:
    ranked = asyncio.run(BaselineRanker("rows", Rows()).rank([case(1, 2), case(3)]))
    assert [one.scores for one in ranked] == [(0.0, 1.0), (0.0,)]
    assert all(one.llm is None and one.seconds >= 0 for one in ranked)


def test_an_arms_fusion() -> None:
    weights = [
        load_settings(**LlmArm.model_validate({"fusion": fusion}).flags()).fusion
        for fusion in ("none", "served", {"llm": 2.0})
    ]
    assert [one.llm for one in weights] == [1.0, load_settings().fusion.llm, 2.0]
    assert weights[0].popularity == 0.0


def test_a_case_that_no_order_can_win_is_not_asked_where_such_are_skipped(store: Store) -> None:
    arm = LlmArm(strategy="yes-no")
    settings, engine = load_settings(**arm.flags()), ScriptedEngine(prefers_late)
    template = choose_template(settings)
    recommender = compose(settings, store, engine, template)
    skipping = LlmRanker("llm", recommender, template, settings, skip_missed=True)
    missed, found = asyncio.run(skipping.rank([case(3, 7, target="f11"), case(3, 7, target="f3")]))
    assert engine.calls == 1
    assert missed.llm is None
    assert np.argsort(missed.scores).tolist() == [1, 0]  # as retrieval gave them
    assert np.argsort(found.scores).tolist() == [0, 1]
    assert found.llm is not None
