from __future__ import annotations

import numpy as np

from retrieval.geometry import maximal_marginal_relevance, mean_direction

X, Y = np.array([1, 0], dtype=np.float32), np.array([0, 1], dtype=np.float32)


def test_the_mean_has_unit_length() -> None:
    mean = mean_direction([X, Y])
    assert mean is not None
    np.testing.assert_allclose(mean, np.sqrt([0.5, 0.5]), rtol=1e-6)


def test_no_mean_of_nothing_or_of_opposites() -> None:
    assert mean_direction([]) is None
    assert mean_direction([X, -X]) is None


def test_diversity_prefers_what_was_not_picked_yet() -> None:
    relevance = np.array([0.9, 0.8, 0.7], dtype=np.float32)
    vectors = np.stack([X, X, Y])
    assert maximal_marginal_relevance(relevance, vectors, 2, 0.5) == [0, 2]
    assert maximal_marginal_relevance(relevance, vectors, 2, 1.0) == [0, 1]


def test_ties_go_to_the_first_and_k_may_be_large() -> None:
    assert maximal_marginal_relevance(np.zeros(2, dtype=np.float32), np.stack([X, X]), 9, 0.7) == [0, 1]
