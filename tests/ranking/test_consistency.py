"""Permutation self-consistency: the rounds really differ, places cancel out, agreement is what it says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from prompts.types import Dropped, PromptContext, TemplateRef
from ranking.settings import ConsistencySettings
from ranking.strategies.consistency import Consistent, orders
from ranking.types import Completion, ParseReport, StrategyScores, Written
from retrieval.types import Item, PastItem

Score = Callable[[int, tuple[str, ...]], list[float]]


class FakeStrategy:
    """FAKE strategy: scores by a function of the round and the candidates as shown; keeps what was shown."""

    name = "fake"

    def __init__(self, score: Score) -> None:
        self._score = score
        self.shown: list[tuple[str, ...]] = []

    async def score(self, contexts: Sequence[PromptContext]) -> list[StrategyScores]:
        return [self._answer(context) for context in contexts]

    def _answer(self, context: PromptContext) -> StrategyScores:
        shown = tuple(item.item_id for item in context.candidates)
        scores = self._score(len(self.shown), shown)
        self.shown.append(shown)
        written = Completion(text="", prompt_tokens=5, completion_tokens=2, finished="stop", constrained=False)
        return StrategyScores(
            scores=tuple(scores),
            branches=None,
            prompt_digest=f"{len(self.shown)}",
            template=TemplateRef(name="fake", version=1, language="en", digest="d"),
            dropped=Dropped(),
            prompt_tokens=5,
            model_calls=1,
            completion_tokens=2,
            outputs=(Written(completion=written, report=ParseReport()),),
        )


def _context(n: int, user: str = "u") -> PromptContext:
    candidates = tuple(Item(item_id=f"{index:02}", title=f"T{index}", domain="films") for index in range(n))
    past = PastItem(item=Item(item_id=user, title=user, domain="films"), timestamp=1.0)
    return PromptContext(history=(past,), candidates=candidates)


def _by_place(_: int, shown: tuple[str, ...]) -> list[float]:
    """The earlier it stands the better, whatever it is."""
    return [-float(place) for place in range(len(shown))]


def _by_item(_: int, shown: tuple[str, ...]) -> list[float]:
    return [float(item_id) for item_id in shown]


def _ask(score: Score, n: int, **settings: object) -> StrategyScores:
    chosen = ConsistencySettings.model_validate({"rounds": 6, **settings})
    [verdict] = asyncio.run(Consistent(FakeStrategy(score), chosen).score([_context(n)]))
    return verdict


def test_every_round_shows_another_order_of_the_same_candidates() -> None:
    strategy = FakeStrategy(_by_item)
    asyncio.run(Consistent(strategy, ConsistencySettings(rounds=6)).score([_context(10)]))
    assert len(set(strategy.shown)) == 6
    assert all(sorted(shown) == sorted(strategy.shown[0]) for shown in strategy.shown)


def test_orders_hang_on_seed_and_context_alone() -> None:
    first = orders(_context(10), 6, 0)
    assert first == orders(_context(10), 6, 0)
    assert first[:4] == orders(_context(10), 4, 0)
    assert first != orders(_context(10), 6, 1)
    assert first != orders(_context(10, "v"), 6, 0)
    assert first != orders(replace(_context(10), query="sad"), 6, 0)


def test_few_candidates_are_shown_in_every_order_there_is() -> None:
    assert len(set(orders(_context(3), 6, 0))) == 6
    assert set(orders(_context(2), 5, 0)) == {(0, 1), (1, 0)}
    assert orders(_context(1), 3, 0) == [(0,), (0,), (0,)]


def test_a_taste_for_places_ends_in_a_tie_instead_of_an_order() -> None:
    tied = _ask(_by_place, 9)
    assert tied.scores == pytest.approx([4.0] * 9)
    near = _ask(_by_place, 9, aggregate="rrf")
    assert max(near.scores) / min(near.scores) < 1.01
    assert tied.agreement is not None
    assert tied.agreement < 0
    odd = _ask(_by_place, 9, rounds=7)
    assert max(odd.scores) - min(odd.scores) <= 8 / 7 + 1e-9


@pytest.mark.parametrize("aggregate", ["borda", "rrf"])
def test_a_taste_for_items_comes_through_whole(aggregate: str) -> None:
    verdict = _ask(_by_item, 8, aggregate=aggregate)
    assert sorted(range(8), key=verdict.scores.__getitem__) == list(range(8))
    assert verdict.agreement == 1.0


def test_scores_by_hand() -> None:
    answers = {0: ("00", "01", "02"), 1: ("00", "02", "01")}

    def score(n_round: int, shown: tuple[str, ...]) -> list[float]:
        return [-float(answers[n_round].index(item_id)) for item_id in shown]

    assert _ask(score, 3, rounds=2).scores == (2.0, 0.5, 0.5)
    rrf = _ask(score, 3, rounds=2, aggregate="rrf").scores
    assert rrf == pytest.approx((1 / 61, (1 / 62 + 1 / 63) / 2, (1 / 62 + 1 / 63) / 2))
    assert _ask(score, 3, rounds=2).agreement == pytest.approx(1 / 3)


def test_a_round_that_said_nothing_changes_no_order() -> None:
    def score(n_round: int, shown: tuple[str, ...]) -> list[float]:
        return [0.0] * len(shown) if n_round % 2 else _by_item(n_round, shown)

    verdict = _ask(score, 5, rounds=2)
    assert verdict.scores == (1.0, 1.5, 2.0, 2.5, 3.0)
    assert verdict.agreement == 0.0


def test_costs_add_up_and_every_text_is_kept() -> None:
    verdict = _ask(_by_item, 4)
    assert (verdict.prompt_tokens, verdict.completion_tokens, verdict.model_calls) == (30, 12, 6)
    assert len(verdict.outputs) == 6
    assert verdict.prompt_digest == "1"


def test_one_candidate_has_nothing_to_agree_on() -> None:
    verdict = _ask(_by_item, 1)
    assert (verdict.scores, verdict.agreement) == ((0.0,), None)


def test_a_batch_gives_what_single_calls_give() -> None:
    consistent = Consistent(FakeStrategy(_by_place), ConsistencySettings(rounds=3))
    contexts = [_context(4), _context(7, "v"), _context(4, "w")]
    together = asyncio.run(consistent.score(contexts))
    alone = [asyncio.run(consistent.score([context]))[0] for context in contexts]
    assert [verdict.scores for verdict in together] == [verdict.scores for verdict in alone]
    assert consistent.name == "fake-consistency"


@given(st.lists(st.permutations(list(range(5))), min_size=2, max_size=5))
def test_agreement_is_the_mean_of_kendalls_tau(ranks: list[list[int]]) -> None:
    def score(n_round: int, shown: tuple[str, ...]) -> list[float]:
        return [float(ranks[n_round][int(item_id)]) for item_id in shown]

    pairs = [kendalltau(left, right).statistic for left, right in combinations(ranks, 2)]
    assert _ask(score, 5, rounds=len(ranks)).agreement == pytest.approx(sum(pairs) / len(pairs))
