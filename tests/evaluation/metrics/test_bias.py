from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau

from evaluation.metrics.bias import agreement, bias, by_position, kendall_tau
from evaluation.metrics.columns import ArmColumns, Keys
from evaluation.metrics.registry import parse_metric
from tests.evaluation.metrics.made import outcome


def test_tau_is_scipys() -> None:
    rng = np.random.default_rng(1)
    rows = np.stack([rng.permutation(20) for _ in range(20)])
    expected = [kendalltau(np.arange(20), row).statistic for row in rows]
    assert kendall_tau(rows) == pytest.approx(expected)
    assert kendall_tau(np.array([[0, 1, 2], [2, 1, 0]])).tolist() == [1.0, -1.0]


def test_agreement_reads_the_cases_and_items_that_both_have() -> None:
    found = agreement({1: [5, 6, 7], 2: [5, 6], 3: [1, 2], 4: [9]}, {1: [5, 7, 6], 2: [6, 5, 8], 9: [1], 4: [9]})
    assert found == {"n": 3, "tau": pytest.approx((1 / 3 - 1) / 2), "same_first": pytest.approx(2 / 3)}
    assert agreement({1: [2]}, {5: [2]}) == {"n": 0, "tau": None, "same_first": None}


def test_the_place_of_the_target_is_told_by_fifths() -> None:
    columns = ArmColumns(Keys())
    for place in range(1, 21):
        columns.add(outcome(f"c{place:02}", position=place, rank=1 if place <= 8 else 11))
    columns.add(outcome("nowhere", rank=None))
    buckets = by_position(columns.read(), parse_metric("ndcg@10"), seed=1, resamples=100)
    assert [(bucket["n"], bucket["value"]) for bucket in buckets] == [(4, 1.0), (4, 1.0), (4, 0.0), (4, 0.0), (4, 0.0)]
    assert buckets[1]["first"] == 0.2
    assert buckets[4]["last"] == 1.0


def test_without_places_there_are_no_fifths() -> None:
    columns = ArmColumns(Keys())
    columns.add(outcome(position=None))
    assert by_position(columns.read(), parse_metric("ndcg@10"), seed=1, resamples=100) == []


def test_reversed_candidates_are_compared_with_the_full_case() -> None:
    columns = ArmColumns(Keys())
    for case in range(3):
        columns.add(outcome(f"c{case}", order=("i0", "i1", "i2")))
        columns.add(outcome(f"c{case}", order=("i2", "i1", "i0"), scenario="reversed-candidates"))
    full = columns.read().of_scenario("full")
    found = bias(columns, full, parse_metric("ndcg@10"), seed=1, resamples=100)
    assert found["reversed_candidates"] == {"n": 3, "tau": -1.0, "same_first": 0.0}
    assert found["shuffled_candidates"] is None
