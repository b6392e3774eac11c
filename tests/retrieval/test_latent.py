from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from retrieval.behaviour import Behaviour
from retrieval.latent import closeness, latent_vectors
from retrieval.record import Record
from retrieval.types import PastItem, User
from tests.retrieval.shop import NOW, interact, open_shop


def taken(*rows: str) -> sparse.csr_array:
    """One row a user, one letter an item: x where it was taken."""
    return sparse.csr_array(np.array([[float(letter == "x") for letter in row] for row in rows]))


def test_vectors_span_the_leading_singular_vectors_of_the_scaled_matrix() -> None:
    rng = np.random.default_rng(3)
    matrix = sparse.csr_array((rng.random((12, 9)) < 0.4).astype(float))
    vectors = latent_vectors(matrix, 4)
    assert vectors is not None
    dense = matrix.toarray()
    scaled = dense / np.sqrt(np.outer(np.maximum(dense.sum(1), 1), np.maximum(dense.sum(0), 1)))
    _, strengths, factors = np.linalg.svd(scaled, full_matrices=False)
    expected = factors[:4].T * strengths[:4]
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(vectors @ vectors.T, expected @ expected.T, atol=1e-6)


def test_items_are_near_that_nobody_took_together() -> None:
    # a goes with b, b with c; d with e. Nobody took a and c.
    matrix = taken("xx...", "xx...", ".xx..", ".xx..", "...xx", "...xx")
    vectors = latent_vectors(matrix, 2)
    assert vectors is not None
    assert vectors[0] @ vectors[2] > 0.5
    assert abs(vectors[0] @ vectors[3]) < 0.1


def test_the_same_matrix_gives_the_same_vectors() -> None:
    matrix = sparse.csr_array((np.random.default_rng(5).random((30, 20)) < 0.3).astype(float))
    first, second = latent_vectors(matrix, 5), latent_vectors(matrix, 5)
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("rows", [("x",), ("xx", "xx"), ("..." * 2,) * 6])
def test_too_little_has_no_factors(rows: tuple[str, ...]) -> None:
    assert latent_vectors(taken(*rows)) is None


def test_items_that_nobody_took_have_no_factors() -> None:
    vectors = latent_vectors(taken("xx..", "xx..", ".xx.", "x.x."), 2)
    assert vectors is not None
    assert not vectors[3].any()
    found = closeness(vectors, [0], [1.0])
    assert found is not None
    assert np.isnan(found[3])
    assert closeness(vectors, [3], [1.0]) is None
    assert closeness(vectors, [], []) is None


def test_a_past_item_is_compared_with_the_others_only() -> None:
    vectors = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    found = closeness(vectors, [0, 1], [1.0, 0.5])
    assert found is not None
    np.testing.assert_allclose(found, [0.0, 0.0, (0.6 + 0.4) / np.sqrt(1.25)])
    alone = closeness(vectors, [0], [1.0])
    assert alone is not None
    assert np.isnan(alone[0])


@pytest.fixture
def crowd(record: Record) -> Record:
    open_shop(record)
    users = [f"r{k}" for k in range(20)]
    record.put_users([User(user_id=user_id) for user_id in users])
    pairs = [(u, f"s{(k + j) % 6}") for k, u in enumerate(users) for j in range(3)]
    record.put_interactions([interact(u, i, 20.0 + t) for t, (u, i) in enumerate(pairs)])
    return record


def past(record: Record, *item_ids: str) -> list[PastItem]:
    found = record.items(item_ids)
    return [PastItem(item=found[item_id], timestamp=0.0) for item_id in item_ids]


def test_a_moment_measures_by_the_latest_items(crowd: Record) -> None:
    moment = Behaviour(crowd).before(NOW)
    found = moment.latent(past(crowd, "s0", "s1"))
    assert found is not None
    assert found.shape == (len(moment.item_ids),)
    made = latent_vectors(moment.matrix)
    assert made is not None
    taste = made[moment.places["s1"]] + 0.9 * made[moment.places["s0"]]
    expected = made[moment.places["s2"]] @ taste / np.linalg.norm(taste)
    assert found[moment.places["s2"]] == pytest.approx(expected)
    assert moment.latent([]) is None


def test_a_moment_tells_how_often_an_item_was_taken_that_anybody_took(crowd: Record) -> None:
    moment = Behaviour(crowd).before(NOW)
    taken_at_all = np.count_nonzero(moment.counts)
    assert taken_at_all > 0
    assert moment.interactions_per_item == pytest.approx(moment.matrix.nnz / taken_at_all)
    assert Behaviour(crowd).before(0.0).interactions_per_item == 0.0


def test_factors_are_kept_until_a_twentieth_has_come(crowd: Record) -> None:
    behaviour = Behaviour(crowd)
    before = behaviour.before(NOW).factors()
    assert before is not None
    crowd.put_users([User(user_id="new")])
    crowd.put_interactions([interact("new", "l5", 90.0)])
    after = behaviour.before(NOW)
    assert after.factors() is before
    found = after.latent(past(crowd, "s0"))
    assert found is not None
    assert np.isnan(found[after.places["l5"]]), "it has come since"
    crowd.put_interactions([interact("new", f"s{k}", 91.0 + k) for k in range(6)])
    assert behaviour.before(NOW).factors() is not before


def test_nothing_later_than_the_moment_is_in_the_factors(crowd: Record) -> None:
    behaviour = Behaviour(crowd)
    assert behaviour.before(NOW).factors() is not None
    earlier = behaviour.before(60.0)
    made = earlier.factors()
    assert made is not None
    assert made.n_interactions == earlier.matrix.nnz


def test_who_is_erased_is_in_no_factors(crowd: Record) -> None:
    behaviour = Behaviour(crowd)
    before = behaviour.before(NOW).factors()
    crowd.put_users([User(user_id="new")])
    crowd.put_interactions([interact("new", f"s{k}", 90.0) for k in range(3)])
    crowd.delete_users(["r0"])
    assert behaviour.before(NOW).factors() is not before


def test_a_moment_from_before_an_erasure_leaves_nothing_to_those_after(crowd: Record) -> None:
    behaviour = Behaviour(crowd)
    old = behaviour.before(NOW)
    crowd.delete_users(["r0"])
    behaviour.before(NOW)
    kept = old.factors()
    crowd.put_users([User(user_id="new")])
    crowd.put_interactions([interact("new", f"s{k}", 90.0 + k) for k in range(6)])
    after = behaviour.before(NOW)
    made = after.factors()
    assert made is not None
    assert made is not kept
    assert made.n_interactions == after.matrix.nnz


def test_who_comes_back_after_an_erasure_left_all_the_same(crowd: Record) -> None:
    behaviour = Behaviour(crowd)
    before = behaviour.before(NOW).factors()
    crowd.delete_users(["r0"])
    crowd.personal().forget(["r0"])
    crowd.put_users([User(user_id="r0")])
    crowd.put_interactions([interact("r0", f"s{k}", 90.0) for k in range(6)])
    assert behaviour.before(NOW).factors() is not before
