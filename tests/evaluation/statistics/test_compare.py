from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evaluation.statistics.compare import compare, compare_many, detectable, holm

NAN = float("nan")


def scores(purpose: int, n: int, *, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(purpose).normal(shift, 1.0, n)


def test_interval_and_p_agree_with_scipy() -> None:
    arm, base = scores(1, 200, shift=0.25), scores(2, 200)
    found = compare(arm, base, seed=5)
    oracle = stats.bootstrap((arm - base,), np.mean, n_resamples=10_000, rng=3).confidence_interval
    test = stats.permutation_test(
        (arm, base), lambda a, b: np.mean(a - b), permutation_type="samples", n_resamples=10_000, rng=4
    )
    assert found.difference == pytest.approx(np.mean(arm - base))
    assert found.low == pytest.approx(oracle.low, abs=0.01)
    assert found.high == pytest.approx(oracle.high, abs=0.01)
    assert found.p == pytest.approx(test.pvalue, abs=0.015)


def test_bca_follows_a_skewed_mean_as_scipy_does() -> None:
    values = np.random.default_rng(8).exponential(1.0, 60) ** 2
    found = compare(values, np.zeros(60), seed=1)
    bca = stats.bootstrap((values,), np.mean, n_resamples=10_000, rng=3).confidence_interval
    plain = stats.bootstrap((values,), np.mean, n_resamples=10_000, rng=3, method="percentile").confidence_interval
    assert found.high == pytest.approx(bca.high, rel=0.03)
    assert abs(bca.high - plain.high) > 0.05 * bca.high


def test_the_interval_covers_the_truth_and_p_is_uniform_under_the_null() -> None:
    truth, runs = 0.3, 400
    arms = [scores(1000 + run, 60, shift=truth) for run in range(runs)]
    bases = [scores(5000 + run, 60) for run in range(runs)]
    found = compare_many(arms, bases, seed=2, resamples=1_000)
    covered = np.mean([each.low <= truth <= each.high for each in found if each.low is not None and each.high])
    assert 0.91 <= covered <= 0.98
    null = compare_many([arm - truth for arm in arms], bases, seed=2, resamples=1_000)
    assert stats.kstest([each.p for each in null], "uniform").pvalue > 0.01


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0, 0.5, 0.63, 1, NAN]), st.sampled_from([0, 0.43, 1, NAN])), max_size=30))
def test_swapping_the_arms_turns_the_sign_and_keeps_p(pairs: list[tuple[float, float]]) -> None:
    arm, base = np.array([a for a, _ in pairs], float), np.array([b for _, b in pairs], float)
    one, other = compare(arm, base, seed=3, resamples=200), compare(base, arm, seed=3, resamples=200)
    assert (one.n, one.undefined, one.p, one.detectable) == (other.n, other.undefined, other.p, other.detectable)
    assert one.n + one.undefined == len(pairs)
    if one.difference is not None:
        assert one.difference == -(other.difference or 0)
    if one.low is not None and other.high is not None:
        assert one.low == pytest.approx(-other.high, abs=1e-12)


def test_other_pairs_change_nothing() -> None:
    pairs = [(scores(seed, 50), scores(seed + 50, 50)) for seed in range(7)]
    pairs[3][0][4] = NAN
    alone = [compare(arm, base, seed=1, resamples=500) for arm, base in pairs]
    together = compare_many([a for a, _ in pairs], [b for _, b in pairs], seed=1, resamples=500)
    assert together == alone
    assert together[::-1] == compare_many(
        [a for a, _ in pairs][::-1], [b for _, b in pairs][::-1], seed=1, resamples=500
    )


def test_few_cases_are_undefined_not_zero() -> None:
    empty = compare(np.array([NAN]), np.array([1.0]), seed=1, resamples=100)
    assert (empty.difference, empty.low, empty.p, empty.n, empty.undefined) == (None, None, None, 0, 1)
    one = compare(np.array([0.5]), np.array([0.25]), seed=1, resamples=100)
    assert (one.difference, one.low, one.high, one.p, one.detectable, one.n) == (0.25, None, None, None, None, 1)


def test_equal_arms_show_nothing_and_p_is_never_zero() -> None:
    same = compare(np.ones(20), np.ones(20), seed=1, resamples=100)
    assert (same.difference, same.low, same.high, same.p, same.detectable) == (0.0, 0.0, 0.0, 1.0, None)
    apart = compare(np.ones(50) + np.arange(50) / 100, np.zeros(50), seed=1, resamples=100)
    assert apart.p == pytest.approx(1 / 101)


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="2 and 3 cases"):
        compare(np.ones(2), np.ones(3), seed=1)


def test_detectable_difference_is_detected_four_times_in_five() -> None:
    n, spread = 100, 1.0
    size = detectable(np.random.default_rng(0).normal(0, spread, 100_000)[:n])
    assert size is not None
    rng = np.random.default_rng(1)
    hits = stats.ttest_1samp(rng.normal(0.280, spread, (2_000, n)), 0, axis=1).pvalue < 0.05
    assert size == pytest.approx(0.280, rel=0.1)
    assert np.mean(hits) == pytest.approx(0.8, abs=0.04)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, None, 0.9]) == [1.0, None, 1.0]
    assert holm([]) == []
