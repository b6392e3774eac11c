"""The composition over a real record and a real index; only the models are fakes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prompts.types import Prompt
from ranking.engines.scripted import ScriptedEngine
from ranking.errors import ConfigError
from ranking.factory import choose_template, compose
from ranking.recommender import Recommender
from ranking.settings import FusionWeights, Settings, load_settings
from ranking.strategies.registry import build_strategy
from ranking.types import EngineInfo, TunedPrompts
from retrieval.errors import InputError, NotFoundError
from retrieval.filters import Equals, Range
from retrieval.store import Store, open_store
from retrieval.types import Interaction, Item, PastItem, Query, User
from tests.fakes import HashingEmbedder

GENRES = ("Horror", "Comedy", "Drama")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Thirty films; ann likes horror, bob and cid like some of it too, new has done nothing."""
    items = [
        Item(
            item_id=f"f{number:02d}",
            title=f"Film {number} {GENRES[number % 3]}",
            domain="films",
            attributes={"genres": (GENRES[number % 3],), "year": 1990.0 + number},
        )
        for number in range(30)
    ]
    taken = {"ann": (0, 3, 6, 9), "bob": (0, 3, 12, 15), "cid": (6, 9, 12, 1)}
    with open_store(home=tmp_path, record_url=None, index_url=None, embedder=HashingEmbedder()) as opened:
        opened.record.put_items(items)
        opened.record.put_users([User(user_id=name) for name in (*taken, "new")])
        opened.record.put_interactions(
            [
                Interaction(user_id=name, item_id=f"f{number:02d}", timestamp=1000.0 + at)
                for name, numbers in taken.items()
                for at, number in enumerate(numbers)
            ]
        )
        opened.catch_up()
        yield opened


def _prefers_late(prompt: Prompt, branch: str) -> float:
    number = float(branch.split()[1])
    return number if prompt.labels or "Film 0" in prompt.before + str(prompt.messages) else 0.0


def _recommender(store: Store, **flags: Any) -> tuple[Recommender, ScriptedEngine]:
    settings = load_settings(**flags)
    engine = ScriptedEngine(_prefers_late)
    return compose(settings, store, engine, choose_template(settings)), engine


def _only_llm() -> dict[str, float]:
    return {"llm": 1.0, "similarity": 0.0, "cooccurrence": 0.0, "bm25": 0.0, "popularity": 0.0, "query": 0.0}


def test_the_llm_decides_where_only_it_has_weight(store: Store) -> None:
    recommender, _ = _recommender(store, fusion=_only_llm(), retrieval={"n_candidates": 26})
    answer = asyncio.run(recommender.recommend(Query(user_id="ann"), 5))
    assert answer.ranked_by == "llm"
    assert [entry.item.item_id for entry in answer.items] == ["f29", "f28", "f27", "f26", "f25"]
    assert [entry.rank for entry in answer.items] == [1, 2, 3, 4, 5]


def test_without_weight_the_llm_is_not_asked_and_the_signals_rank(store: Store) -> None:
    weights = {**_only_llm(), "llm": 0.0, "popularity": 1.0}
    recommender, engine = _recommender(store, fusion=weights, retrieval={"n_candidates": 26})
    answer = asyncio.run(recommender.recommend(Query(user_id="ann"), 5, explain=True))
    assert (answer.ranked_by, engine.calls) == ("signals", 0)
    popularities = [entry.signals.log_popularity for entry in answer.items]
    assert popularities == sorted(popularities, reverse=True)
    assert "fusion.llm is 0" in answer.notes[0]
    assert all(entry.reason is None for entry in answer.items)


def test_seen_and_excluded_items_and_filters(store: Store) -> None:
    recommender, _ = _recommender(store)
    query = Query(
        user_id="ann",
        exclude=frozenset({"f12"}),
        filters=(Equals(attribute="genres", value="horror"), Range(attribute="year", high=2010)),
    )
    answer = asyncio.run(recommender.recommend(query, 10))
    assert {entry.item.item_id for entry in answer.items} == {"f15", "f18"}
    assert any("2 of the 10 items asked for" in note for note in answer.notes)


def test_somebody_unknown_to_all_gets_retrievals_order_and_is_told(store: Store) -> None:
    recommender, engine = _recommender(store)
    answer = asyncio.run(recommender.recommend(Query(user_id="new"), 3))
    assert answer.ranked_by == "retrieval"
    assert engine.calls == 0
    assert answer.engine is None
    assert all(entry.llm_score is None for entry in answer.items)
    assert "the LLM did not rank" in answer.notes[0]


def test_a_profile_that_tells_of_taste_orders_popular_items(store: Store) -> None:
    recommender, engine = _recommender(store)
    store.record.put_users([User(user_id="told", attributes={"likes": (GENRES[1],)})])
    answer = asyncio.run(recommender.recommend(Query(user_id="told"), 10))
    assert (answer.ranked_by, answer.rung, engine.calls) == ("signals", "full", 0)
    assert "Only the profile" in answer.notes[0]
    stranger = asyncio.run(recommender.recommend(Query(), 10))
    liked = [GENRES[1] in entry.item.title for entry in answer.items]
    assert sum(liked) >= sum(GENRES[1] in entry.item.title for entry in stranger.items)
    assert liked.index(True) < [GENRES[1] in entry.item.title for entry in stranger.items].index(True)
    asyncio.run(recommender.recommend(Query(user_id="told", history=_one_like(store)), 10))
    assert engine.calls > 0, "one like, and the model is asked"


def _one_like(store: Store) -> tuple[PastItem, ...]:
    return (PastItem(item=store.record.items(["f00"])["f00"], timestamp=1.0),)


def test_a_query_alone_is_enough_for_the_llm(store: Store) -> None:
    recommender, _ = _recommender(store)
    answer = asyncio.run(recommender.recommend(Query(text="Comedy"), 3))
    assert answer.ranked_by == "llm"
    assert answer.user is None


@pytest.mark.parametrize("text", ["", " \n", "\u202e\ufeff \u200d"])
def test_a_query_that_nobody_can_see_asks_nothing(store: Store, text: str) -> None:
    recommender, engine = _recommender(store)
    answer = asyncio.run(recommender.recommend(Query(text=text), 3))
    assert (answer.ranked_by, engine.calls) == ("retrieval", 0)
    assert "nothing was asked" in answer.notes[0]


def test_the_answer_tells_how_it_came_about(store: Store) -> None:
    recommender, _ = _recommender(store, examples={"shots": 1})
    answer = asyncio.run(recommender.recommend(Query(user_id="ann"), 2, explain=True))
    assert answer.engine is not None
    assert answer.engine.engine == "scripted"
    assert answer.template is not None
    assert (answer.strategy, answer.template.name) == ("likelihood", "likelihood")
    assert answer.n_history == answer.n_history_shown == 4
    assert [stage.name for stage in answer.stages] == ["retrieval", "examples", "llm", "fusion", "reasons"]
    assert all(entry.reason is not None for entry in answer.items)
    assert answer.prompt_tokens > 0


def test_ranking_given_candidates(store: Store) -> None:
    recommender, _ = _recommender(store, fusion=_only_llm(), strategy="yes-no")
    retrieved = recommender.retriever.describe(Query(user_id="ann"), ["f01", "f28", "f05"])
    answer = asyncio.run(recommender.rank(retrieved))
    assert [entry.item.item_id for entry in answer.items] == ["f28", "f05", "f01"]
    assert [entry.retrieval_rank for entry in answer.items] == [2, 3, 1]


def test_nothing_later_than_the_request_is_used(store: Store) -> None:
    recommender, _ = _recommender(store)
    answer = asyncio.run(recommender.recommend(Query(user_id="ann", as_of=1002.0), 30))
    assert answer.n_history == 2
    assert {"f06", "f09"} <= {entry.item.item_id for entry in answer.items}


def test_what_recommend_will_say_can_be_seen_before(store: Store) -> None:
    recommender, _ = _recommender(store)
    context = asyncio.run(recommender.context(Query(user_id="ann")))
    assert [past.item.item_id for past in context.history] == ["f00", "f03", "f06", "f09"]


@pytest.mark.parametrize("n", [0, -1])
def test_n_must_be_positive(store: Store, n: int) -> None:
    recommender, _ = _recommender(store)
    with pytest.raises(InputError, match="at least 1"):
        asyncio.run(recommender.recommend(Query(user_id="ann"), n))


def test_an_unknown_user_is_named(store: Store) -> None:
    recommender, _ = _recommender(store)
    with pytest.raises(NotFoundError, match="no user 'anne' in the store"):
        asyncio.run(recommender.recommend(Query(user_id="anne"), 3))


def test_a_template_of_another_strategy_is_refused() -> None:
    settings = Settings(strategy="yes-no", prompt={"template": "likelihood"}, fusion=FusionWeights())
    with pytest.raises(ConfigError, match="'likelihood'"):
        build_strategy(settings, ScriptedEngine(_prefers_late), choose_template(settings))


@pytest.mark.parametrize(("attribute", "decided_by"), [("age", "llm"), ("simulated", "retrieval")])
def test_only_a_profile_that_the_prompt_shows_is_something_to_go_by(
    store: Store, attribute: str, decided_by: str
) -> None:
    store.record.put_users([User(user_id="told", attributes={attribute: "yes"})])
    recommender, _ = _recommender(store)
    answer = asyncio.run(recommender.recommend(Query(user_id="told"), 3))
    assert answer.ranked_by == decided_by


def test_an_answer_is_tied_to_its_prompt(store: Store) -> None:
    recommender, _ = _recommender(store)
    one, again, other = (
        asyncio.run(recommender.recommend(Query(user_id=user), 3)).prompt_digest for user in ("ann", "ann", "bob")
    )
    assert one is not None
    assert len(one) == 16
    assert one == again != other


@pytest.mark.parametrize("digest", ["", "0" * 12])
def test_an_adapter_tuned_on_other_prompts_is_told(store: Store, digest: str) -> None:
    settings = load_settings(strategy="yes-no")
    template = choose_template(settings)
    tuned = TunedPrompts(strategy="yes-no", template=replace(template.ref, digest=digest or template.ref.digest))

    class Tuned(ScriptedEngine):
        @property
        def info(self) -> EngineInfo:
            return replace(super().info, adapter="films@0123", tuned=tuned)

    answer = asyncio.run(compose(settings, store, Tuned(_prefers_late), template).recommend(Query(user_id="ann"), 3))
    told = [note for note in answer.notes if "films@0123" in note]
    assert len(told) == bool(digest)
    assert all("template sequential version 1 (en, 000000000000), not of yes-no" in note for note in told)


def test_many_users_asked_in_one_call_get_what_each_gets_alone(store: Store) -> None:
    recommender, engine = _recommender(store, fusion=_only_llm())
    queries = [Query(user_id=name, as_of=2000.0) for name in ("ann", "new", "bob")]
    alone = [asyncio.run(recommender.recommend(query, 5)) for query in queries]
    calls = engine.calls
    together = asyncio.run(recommender.rank_prepared([recommender.prepare(query, 5) for query in queries], 5))
    assert engine.calls == calls + 1
    assert [[item.item.item_id for item in one.items] for one in together] == [
        [item.item.item_id for item in one.items] for one in alone
    ]
    assert [one.ranked_by for one in together] == ["llm", "retrieval", "llm"]
    assert [one.notes for one in together] == [one.notes for one in alone]
