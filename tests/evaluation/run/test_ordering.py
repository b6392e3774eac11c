"""Orders: by score, ties by nothing that an arm or a list could exploit."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.errors import EvaluationError
from evaluation.run.ordering import KEPT_PLACES, best_first, outcome_of
from evaluation.types import Ranked
from retrieval.types import Item
from tests.evaluation.run.small_run import case


@given(scores=st.lists(st.sampled_from([0.0, -0.0, 1.0, 2.5]), min_size=1, max_size=30), turned=st.randoms())
def test_the_order_follows_the_scores_and_not_the_positions(scores: list[float], turned: object) -> None:
    ids = [f"item-{n}" for n in range(len(scores))]
    order = best_first(scores, ids, seed=1, case_id="c")
    assert [scores[index] for index in order] == sorted(scores, reverse=True)
    shuffled = list(range(len(scores)))
    turned.shuffle(shuffled)  # type: ignore[attr-defined]
    again = best_first([scores[n] for n in shuffled], [ids[n] for n in shuffled], seed=1, case_id="c")
    assert [ids[n] for n in order] == [ids[shuffled[n]] for n in again]


def test_ties_fall_otherwise_in_other_cases_and_with_other_seeds() -> None:
    ids = [str(n) for n in range(20)]
    orders = {tuple(best_first([0.0] * 20, ids, seed=seed, case_id=name)) for seed in (1, 2) for name in ("c", "d")}
    assert len(orders) == 4


def test_a_target_among_ties_far_down_gets_its_place_by_lot() -> None:
    many = tuple(Item(item_id=f"m{n}", title="t") for n in range(3 * KEPT_PLACES))
    scores = tuple([2.0] * KEPT_PLACES + [1.0] * (2 * KEPT_PLACES))
    asked = case(1, candidates=many, target=many[KEPT_PLACES].item_id)
    ranks = {outcome_of("a", replace(asked, case_id=f"c{n}"), Ranked(scores=scores), seed=0).rank for n in range(20)}
    assert len(ranks) > 10
    assert all(rank is not None and KEPT_PLACES < rank <= 3 * KEPT_PLACES for rank in ranks)


def test_an_outcome_tells_what_was_asked_and_where_the_target_came() -> None:
    asked = case(3)
    outcome = outcome_of("a", asked, Ranked(scores=tuple(float(n) for n in range(10))), seed=0)
    assert outcome.order == tuple(item.item_id for item in reversed(asked.candidates))
    assert (outcome.target, outcome.target_position, outcome.rank, outcome.score) == (asked.target, 4, 7, None)
    assert (outcome.n_candidates, outcome.n_history, outcome.scenario) == (10, 0, "full")


def test_absent_targets_and_labels_stay_what_they_are() -> None:
    scores = Ranked(scores=(0.5,) * 10)
    absent = outcome_of("a", case(1, target="elsewhere"), scores, seed=0)
    assert (absent.target, absent.rank, absent.target_position) == ("elsewhere", None, None)
    one = case(1, target=None, label=1.0, candidates=(Item(item_id="x", title="x"),))
    labelled = outcome_of("a", one, Ranked(scores=(0.75,)), seed=0)
    assert (labelled.label, labelled.score, labelled.rank) == (1.0, 0.75, None)


def test_a_catalogue_of_candidates_keeps_its_order_but_not_its_scores() -> None:
    many = tuple(Item(item_id=f"m{n}", title="t") for n in range(1001))
    asked = case(1, candidates=many, target="m5")
    outcome = outcome_of("a", asked, Ranked(scores=tuple(float(n) for n in range(1001)), seconds=0.5), seed=0)
    assert (len(outcome.order), outcome.rank, outcome.ranked.scores) == (KEPT_PLACES, 996, ())
    assert outcome.ranked.seconds == 0.5


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_scores_without_a_place_are_refused(bad: float) -> None:
    with pytest.raises(EvaluationError, match=r"'a' scored item 'i3' of case 'c0'"):
        outcome_of("a", case(1), Ranked(scores=(0.0, 0.0, bad, *[0.0] * 7)), seed=0)


def test_huge_scores_are_finite() -> None:
    assert outcome_of("a", case(1), Ranked(scores=(1.7e308,) * 10), seed=0).rank is not None


def test_missing_scores_are_refused() -> None:
    with pytest.raises(EvaluationError, match="9 scores for the 10 candidates"):
        outcome_of("a", case(1), Ranked(scores=(0.0,) * 9), seed=0)
