"""Fusion: hand-worked sums, and what must hold for any numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.fusion import fuse, standardise
from ranking.settings import FusionWeights
from retrieval.types import Signals

_finite = st.floats(min_value=-1e6, max_value=1e6)
_maybe = st.one_of(st.none(), _finite)


def test_standardise_by_hand() -> None:
    assert standardise([1.0, None, 3.0]) == [-1.0, 0.0, 1.0]


def test_a_constant_list_says_nothing() -> None:
    assert standardise([0.1 + 0.2, 0.3]) == [0.0, 0.0]


def test_fused_score_is_the_sum_of_its_parts() -> None:
    weights = FusionWeights(llm=2.0, similarity=1.0, cooccurrence=0.0, bm25=0.0, popularity=0.0, query=0.0)
    first, second = fuse([0.0, 4.0], [Signals(similarity_max=0.9), Signals(similarity_max=0.1)], weights)
    assert first.score == pytest.approx(-2.0 + 1.0)
    assert second.score == pytest.approx(2.0 - 1.0)
    assert {part.name: part.contribution for part in first.parts}["llm"] == pytest.approx(-2.0)


def test_without_the_llm_its_part_is_absent_not_zero() -> None:
    [fused] = fuse(None, [Signals(log_popularity=2.0)], FusionWeights())
    assert {part.name: part.value for part in fused.parts}["llm"] is None


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_not_finite_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        fuse([bad, 1.0], [Signals(), Signals()], FusionWeights())


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="2 LLM scores for 1"):
        fuse([1.0, 2.0], [Signals()], FusionWeights())


@given(st.lists(_maybe, max_size=30))
def test_standardised_values_have_mean_zero(values: list[float | None]) -> None:
    result = standardise(values)
    assert len(result) == len(values)
    assert sum(result) == pytest.approx(0.0, abs=1e-6)
    assert all(out == 0.0 for out, value in zip(result, values, strict=True) if value is None)


# A shift so large that the differences drown in it makes a constant, on purpose.
@given(st.lists(st.tuples(_finite, _finite), min_size=1, max_size=20), st.floats(0.1, 100), st.floats(-1000, 1000))
def test_the_scale_of_the_llm_does_not_matter(rows: list[tuple[float, float]], scale: float, shift: float) -> None:
    llm = [round(row[0], 3) for row in rows]
    signals = [Signals(similarity_max=row[1]) for row in rows]
    before = fuse(llm, signals, FusionWeights())
    after = fuse([scale * value + round(shift, 3) for value in llm], signals, FusionWeights())
    for one, other in zip(before, after, strict=True):
        assert other.score == pytest.approx(one.score, abs=1e-3)


@given(st.permutations(range(5)))
def test_order_of_candidates_does_not_matter(order: list[int]) -> None:
    llm = [0.3, -1.0, 2.0, 0.0, 5.0]
    signals = [Signals(similarity_max=x / 5, log_popularity=float(x)) for x in range(5)]
    straight = fuse(llm, signals, FusionWeights())
    shuffled = fuse([llm[i] for i in order], [signals[i] for i in order], FusionWeights())
    assert [round(f.score, 9) for f in shuffled] == [round(straight[i].score, 9) for i in order]


@pytest.mark.parametrize(("interactions_per_item", "weight"), [(0.0, 0.0), (20.0, 0.5), (180.0, 0.9)])
def test_latent_factors_weigh_by_what_they_are_made_of(interactions_per_item: float, weight: float) -> None:
    signals = [Signals(latent=value, interactions_per_item=interactions_per_item) for value in (0.9, 0.1)]
    [first, _] = fuse(None, signals, FusionWeights(latent=1.0))
    [latent] = [part for part in first.parts if part.name == "latent"]
    assert (latent.weight, latent.contribution) == pytest.approx((weight, weight))


def test_where_popularity_is_all_there_is_more_of_it_is_better_whatever_was_fitted() -> None:
    weights = FusionWeights(popularity=-0.5)
    strangers = fuse(None, [Signals(log_popularity=1.0), Signals(log_popularity=3.0)], weights)
    assert strangers[1].score > strangers[0].score
    known = [Signals(log_popularity=1.0, cooccurrence=0.2), Signals(log_popularity=3.0, cooccurrence=0.2)]
    assert fuse(None, known, weights)[1].score < fuse(None, known, weights)[0].score
