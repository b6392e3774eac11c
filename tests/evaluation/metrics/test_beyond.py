from __future__ import annotations

import numpy as np
import pytest

from evaluation.metrics.beyond import beyond, catalogue_places, diversity, gini, log_popularity, novelty
from evaluation.metrics.columns import ArmColumns, Keys
from evaluation.metrics.facts import Facts, facts_of
from evaluation.types import Training
from tests.evaluation.metrics.made import outcome

VECTORS = np.array([[1, 0], [0, 1], [1, 0], [0.6, 0.8]], dtype=np.float32)
FACTS = Facts(item_ids=("a", "b", "c", "d"), counts=np.array([5, 3, 0, 0]), vectors=VECTORS)


def test_by_hand() -> None:
    columns = ArmColumns(Keys(top=2))
    columns.add(outcome("1", order=("a", "b", "c"), target="c"))
    columns.add(outcome("2", order=("a", "stranger"), target="b"))
    table = columns.read()
    found = beyond(table, catalogue_places(table.keys, FACTS), FACTS)
    assert (found["k"], found["n"], found["unknown_items"]) == (2, 2, 1)
    assert found["coverage"] == 0.5
    assert found["novelty"] == pytest.approx((1 + 1 + np.log2(3)) / 3)
    assert found["diversity"] == pytest.approx(1.0)
    assert found["gini"] == pytest.approx(0.5833333)
    assert found["log_popularity"] == pytest.approx((2 * np.log(6) + np.log(4)) / 3)
    assert found["target_log_popularity"] == pytest.approx(np.log(4) / 2)


def test_nothing_shown_is_undefined() -> None:
    table = ArmColumns(Keys()).read()
    found = beyond(table, catalogue_places(table.keys, FACTS), FACTS)
    assert found["coverage"] == 0.0
    assert {found[name] for name in ("novelty", "diversity", "gini", "log_popularity")} == {None}


def test_diversity_is_the_mean_over_pairs() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(30, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    lists = np.array([rng.permutation(30)[:5] for _ in range(7)])
    lists[0, 3:] = -1
    expected = []
    for row in lists:
        known = vectors[row[row >= 0]]
        cosines = known @ known.T
        expected.append(1 - cosines[np.triu_indices(len(known), 1)].mean())
    assert diversity(lists, vectors.astype(np.float32)) == pytest.approx(np.mean(expected), abs=1e-6)
    assert diversity(np.array([[3, -1]]), VECTORS) is None


def test_gini_by_hand() -> None:
    assert gini(np.array([2, 2, 2])) == pytest.approx(0.0)
    assert gini(np.array([0, 0, 0, 8])) == pytest.approx(0.75)
    assert gini(np.zeros(3, dtype=np.int64)) is None


def test_popular_items_are_less_novel() -> None:
    counts = np.array([100, 1])
    popular, rare = novelty(np.array([0]), counts), novelty(np.array([1]), counts)
    assert popular is not None
    assert rare is not None
    assert popular < rare
    assert log_popularity(np.array([], dtype=np.int64), counts) is None


def test_facts_of_training_count_interactions() -> None:
    training = Training(
        items={},
        item_ids=("a", "b"),
        user_ids=("u",),
        user_index=np.array([0, 0], dtype=np.int32),
        item_index=np.array([0, 0], dtype=np.int32),
        timestamps=np.zeros(2),
        liked=np.ones(2, dtype=np.bool_),
        ratings=np.full(2, np.nan),
        vectors=VECTORS[:2],
    )
    facts = facts_of(training)
    assert facts.counts.tolist() == [2, 0]
