"""From what a model wrote to the answer: who ranked, what is told of it, and how sure it is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from evaluation.arms.config import LlmArm
from evaluation.arms.llm import LlmRanker
from evaluation.types import Case, Contract
from prompts.types import Dialogue
from ranking.engines.scripted import ScriptedEngine
from ranking.errors import ConfigError
from ranking.factory import choose_template, compose
from ranking.parsing.written import written_notes
from ranking.settings import load_settings
from ranking.types import Completion, ParseReport, Recommendation, Written
from retrieval.store import Store, open_store
from retrieval.types import Interaction, Item, PastItem, Query, User
from service.schemas import RecommendationOut
from tests.fakes import HashingEmbedder

FILMS = tuple(
    Item(item_id=f"f{number}", title=f"Film {letter}", domain="films") for number, letter in enumerate("ABCDEF")
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Six films; ann has seen the first."""
    with open_store(home=tmp_path, record_url=None, index_url=None, embedder=HashingEmbedder()) as opened:
        opened.record.put_items(FILMS)
        opened.record.put_users([User(user_id="ann")])
        opened.record.put_interactions([Interaction(user_id="ann", item_id="f0", timestamp=1.0)])
        opened.catch_up()
        yield opened


def _by_letter(dialogue: Dialogue) -> str:
    """The films in the order of the alphabet, by their numbers."""
    numbered = [line.split(". Film ") for line in dialogue.messages[-1].content.splitlines() if ". Film " in line]
    return ", ".join(number for number, _ in sorted(numbered, key=lambda pair: pair[1]))


def _recommend(store: Store, write: Any, **flags: Any) -> Recommendation:
    weights = {"llm": 1.0, "similarity": 0.0, "cooccurrence": 0.0, "bm25": 0.0, "popularity": 0.0, "query": 0.0}
    settings = load_settings(strategy="listwise", fusion=weights, **flags)
    engine = ScriptedEngine(lambda _, __: 0.0, write=write)
    recommender = compose(settings, store, engine, choose_template(settings))
    return asyncio.run(recommender.recommend(Query(user_id="ann"), 5))


def test_a_written_order_is_served(store: Store) -> None:
    answer = _recommend(store, _by_letter)
    assert [entry.item.item_id for entry in answer.items] == ["f1", "f2", "f3", "f4", "f5"]
    assert (answer.ranked_by, answer.strategy, answer.notes, answer.agreement) == ("llm", "listwise", (), None)
    assert all(entry.llm_branch is None for entry in answer.items)


def test_what_was_put_right_is_told(store: Store) -> None:
    answer = _recommend(store, lambda _: "2, 2, 77]")
    assert answer.ranked_by == "llm"
    [note] = answer.notes
    assert note.startswith("Candidates in what the model wrote: 4 left out, 1 named again, 1 made up. Those left out")
    wire = RecommendationOut.of(answer).parse
    assert wire is not None
    assert wire.model_dump() == {
        "outputs": 1, "missing": 4, "duplicate": 1, "invented": 1, "repaired": 4, "fell_back": 0, "raw": ["2, 2, 77]"]
    }  # fmt: skip


def test_a_model_that_names_nothing_has_not_ranked(store: Store) -> None:
    answer = _recommend(store, lambda _: "I am a language model.")
    assert answer.ranked_by == "retrieval"
    assert [entry.retrieval_rank for entry in answer.items] == [1, 2, 3, 4, 5]
    assert answer.notes == ("What the model wrote names no candidate, so the LLM did not rank.",)
    assert answer.completion_tokens == 6


def test_several_orders_end_in_one_with_its_agreement(store: Store) -> None:
    answer = _recommend(store, _by_letter, consistency={"rounds": 4})
    assert [entry.item.item_id for entry in answer.items] == ["f1", "f2", "f3", "f4", "f5"]
    assert (answer.strategy, answer.agreement, answer.model_calls) == ("listwise-consistency", 1.0, 4)
    assert RecommendationOut.of(answer).agreement == 1.0
    swayed = _recommend(store, lambda _: "1, 2, 3, 4, 5", consistency={"rounds": 4})
    assert {entry.score for entry in swayed.items} == {0.0}
    assert swayed.agreement is not None
    assert swayed.agreement < 0


def test_orders_of_single_candidates_are_refused(store: Store) -> None:
    settings = load_settings(strategy="yes-no", consistency={"rounds": 2})
    with pytest.raises(ConfigError, match="'yes-no' is not swayed by the order"):
        compose(settings, store, ScriptedEngine(lambda _, __: 0.0), choose_template(settings))


def _ranker(store: Store, write: Any, **arm: Any) -> LlmRanker:
    settings = load_settings(**LlmArm(strategy="listwise", **arm).flags())
    engine, template = ScriptedEngine(lambda _, __: 0.0, write=write), choose_template(settings)
    return LlmRanker("llm", compose(settings, store, engine, template), template, settings)


def _case(candidates: Sequence[Item] = FILMS[1:4]) -> Case:
    past = PastItem(item=FILMS[0], timestamp=1.0)
    return Case(case_id="c", user_id="ann", history=(past,), candidates=tuple(candidates), target="f2")


def test_an_arm_keeps_the_text_and_counts_what_was_wrong(store: Store) -> None:
    [ranked] = asyncio.run(_ranker(store, lambda _: "3, 3, 9").rank([_case()]))
    assert ranked.contract == Contract(missing=2, duplicate=1, invented=1, repaired=2)
    assert ranked.llm is not None
    assert (ranked.llm.written, ranked.llm.agreement, ranked.llm.raw) == (("3, 3, 9",), None, ((), (), ()))
    assert max(ranked.scores) == ranked.scores[2]


def test_an_arm_that_wrote_nothing_usable_fell_back(store: Store) -> None:
    [ranked] = asyncio.run(_ranker(store, lambda _: "?").rank([_case()]))
    assert ranked.contract == Contract(missing=3, repaired=3, fell_back=True)
    assert ranked.scores == (0.0, 0.0, 0.0)


def test_an_arm_in_several_orders_and_its_prompt(store: Store) -> None:
    arm = _ranker(store, _by_letter, rounds=3, aggregate="rrf")
    [ranked] = asyncio.run(arm.rank([_case()]))
    assert ranked.llm is not None
    assert (len(ranked.llm.written), ranked.llm.agreement) == (3, 1.0)
    assert "1. Film B\n2. Film C\n3. Film D\n" in arm.prompt(_case(), "f2")


def test_notes_of_several_texts() -> None:
    completion = Completion(text="", prompt_tokens=1, completion_tokens=0, finished="stop", constrained=False)
    reports = (ParseReport(missing=2, repaired=2, fell_back=True), ParseReport(missing=1, repaired=1))
    outputs = [Written(completion=completion, report=report) for report in reports]
    assert written_notes(outputs)[0].startswith("Candidates in the 2 orders that the model wrote: 3 left out.")
    assert written_notes(outputs[:1]) == ("What the model wrote names no candidate, so the LLM did not rank.",)
    assert written_notes(()) == ()
