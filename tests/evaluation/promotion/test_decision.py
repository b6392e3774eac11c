"""When numbers are good enough to promote."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from evaluation.errors import RunMismatchError
from evaluation.metrics.columns import ArmColumns, Keys
from evaluation.promotion.decision import decide_promotion
from tests.evaluation.metrics.made import outcome


def columns(ranks: Mapping[str, object], n: int = 120) -> dict[str, ArmColumns]:
    """n cases, every fourth tagged "fourth"; by arm the target's rank, in all cases or by their number modulo 4."""
    keys = Keys()
    found = {}
    for arm, rank in ranks.items():
        found[arm] = ArmColumns(keys)
        for case in range(n):
            place = rank[case % 4] if isinstance(rank, dict) else rank
            assert isinstance(place, int)
            tags = ("fourth",) if case % 4 == 0 else ()
            found[arm].add(outcome(f"c{case:03}", arm=arm, rank=place, tags=tags))
    return found


def test_a_win_over_every_rival_promotes() -> None:
    better = {0: 1, 1: 1, 2: 1, 3: 2}
    found = decide_promotion(
        columns({"fused": better, "served": 3, "signals": 3}), "fused", signals="signals", serving="served", seed=0
    )
    assert found.promote
    assert [(one.rival, one.verdict.passed) for one in found.against] == [("served", True), ("signals", True)]
    assert "gate 'fused.ndcg@10 > signals.ndcg@10' holds" in found.sentences[1]
    assert "no slice is significantly worse (2 comparisons of slices)" in found.sentences[2]
    assert "gate 'served.ndcg@10 > signals.ndcg@10' does not hold" in found.sentences[3]
    assert found.llm_shown_worth_it


def test_a_rival_that_is_not_beaten_keeps_the_arm_from_serving() -> None:
    same = {0: 1, 1: 1, 2: 5, 3: 4}
    ranks = {"fused": same, "served": 9, "signals": same}
    found = decide_promotion(columns(ranks), "fused", signals="signals", serving="served", seed=0)
    assert not found.promote
    assert not found.llm_shown_worth_it
    assert [one.verdict.passed for one in found.against] == [True, False]
    assert "does not hold" in found.sentences[1]


def test_what_serves_may_be_worth_it_where_the_arm_is_not() -> None:
    ranks = {"fused": 5, "served": {0: 1, 1: 1, 2: 1, 3: 2}, "signals": 5}
    found = decide_promotion(columns(ranks), "fused", signals="signals", serving="served", seed=0)
    assert not found.promote
    assert found.llm_shown_worth_it
    assert "what serves now: gate 'served.ndcg@10 > signals.ndcg@10' holds" in found.sentences[-1]


def test_a_slice_that_is_worse_does_not() -> None:
    found = decide_promotion(
        columns({"fused": {0: 9, 1: 1, 2: 1, 3: 1}, "signals": {0: 1, 1: 9, 2: 9, 3: 9}}),
        "fused",
        signals="signals",
        seed=0,
    )
    assert found.against[0].verdict.passed
    [worse] = found.worse
    assert (worse.name, worse.rival, worse.comparison.n) == ("tag fourth", "signals", 30)
    assert not found.promote
    assert "slice tag fourth is significantly worse than signals: NDCG@10 differs by −69" in found.sentences[-1]


def test_an_arm_that_has_not_answered_all_is_told() -> None:
    found = columns({"fused": 1, "signals": 2})
    found["fused"].add(outcome("c999", arm="fused"))
    with pytest.raises(RunMismatchError, match="arm 'signals' has answered 120 of 121 cases"):
        decide_promotion(found, "fused", signals="signals", seed=0)
