from __future__ import annotations

import warnings
from functools import partial

import numpy as np
import pytest
from sklearn import metrics as oracle

from evaluation.errors import UndefinedError
from evaluation.metrics.labelled import calibration
from evaluation.metrics.protocol import PooledMetric
from evaluation.metrics.registry import parse_metric
from evaluation.metrics.types import Judged, judge
from evaluation.statistics.compare import Comparison
from evaluation.statistics.draws import POOLED_WORK, affordable
from evaluation.statistics.pooled import pooled_comparison, pooled_estimate
from tests.evaluation.metrics.made import labelled, outcome

POOLED = ["auc", "ece", "rmse"]
NAN = float("nan")


def cases(labels: list[float], scores: list[float]) -> Judged:
    return judge([labelled(f"c{i}", label, score) for i, (label, score) in enumerate(zip(labels, scores, strict=True))])


def drawn(seed: int, n: int = 200, *, strength: float = 2.0) -> Judged:
    rng = np.random.default_rng(seed)
    labels = np.random.default_rng(99).integers(0, 2, n)
    scores = 1 / (1 + np.exp(-strength * (labels - 0.5) - rng.normal(0, 1, n)))
    return cases(labels.astype(float).tolist(), np.round(scores, 2).tolist())


def pooled(name: str) -> PooledMetric:
    metric = parse_metric(name)
    assert isinstance(metric, PooledMetric)
    return metric


def compare_pooled(metric: PooledMetric, left: Judged, right: Judged, *, resamples: int = 1_000) -> Comparison:
    one, other = metric.align(left), metric.align(right)
    both = Judged(**{name: np.concatenate([getattr(one, name), getattr(other, name)]) for name in Judged.__slots__})
    value, base = metric.aggregate(one), metric.aggregate(other)
    return pooled_comparison(
        None if value is None or base is None else value - base,
        partial(metric.weighted, one),
        partial(metric.weighted, other),
        partial(metric.weighted, both),
        n=len(one),
        undefined=0,
        seed=3,
        resamples=resamples,
    )


def test_by_hand() -> None:
    four = cases([1, 0, 1, 0], [0.9, 0.8, 0.8, 0.1])
    assert parse_metric("auc").aggregate(four) == pytest.approx(3.5 / 4)
    assert parse_metric("log-loss").values(four) == pytest.approx(-np.log([0.9, 0.2, 0.8, 0.9]))
    ratings = cases([4, 2], [3.5, 4])
    assert parse_metric("mae").aggregate(ratings) == pytest.approx(1.25)
    assert parse_metric("rmse").aggregate(ratings) == pytest.approx(np.sqrt((0.25 + 4) / 2))
    assert parse_metric("ece").aggregate(cases([1, 0, 1, 1], [0.75, 0.75, 0.25, 0.25])) == pytest.approx(0.5)


@pytest.mark.parametrize("name", ["log-loss", "mae"])
def test_the_mean_of_the_values_is_the_librarys_number(name: str) -> None:
    some = drawn(1)
    assert np.mean(parse_metric(name).values(some)) == pytest.approx(parse_metric(name).aggregate(some))


@pytest.mark.parametrize("name", POOLED)
def test_weights_count_cases(name: str) -> None:
    metric, some = pooled(name), drawn(1, 40)
    counts = np.random.default_rng(2).integers(0, 3, (5, 40)).astype(float)
    repeated = [metric.aggregate(some.take(np.repeat(np.arange(40), row.astype(int)))) for row in counts]
    assert metric.weighted(some, counts) == pytest.approx(repeated)
    aligned = metric.align(some)
    assert metric.aggregate(aligned) == pytest.approx(metric.aggregate(some))


def test_auc_under_weights_is_scikit_learns() -> None:
    some = drawn(4, 60)
    weights = np.random.default_rng(5).uniform(0.1, 2, 60)
    expected = oracle.roc_auc_score(some.label, some.score, sample_weight=weights)
    assert pooled("auc").weighted(some, weights[None])[0] == pytest.approx(expected)


@pytest.mark.parametrize("name", POOLED)
def test_what_is_over_all_cases_has_no_values(name: str) -> None:
    with pytest.raises(UndefinedError, match=f"{name} has no value per case"):
        parse_metric(name).values(drawn(1, 4))


@pytest.mark.parametrize("name", [*POOLED, "log-loss", "mae"])
def test_unlabelled_cases_are_undefined(name: str) -> None:
    metric, none = parse_metric(name), judge([outcome()])
    assert metric.aggregate(none) is None
    if isinstance(metric, PooledMetric):
        assert np.isnan(metric.weighted(none, np.ones((2, 1)))).all()
    else:
        assert np.isnan(metric.values(none)).all()


def test_one_class_has_no_auc() -> None:
    assert parse_metric("auc").aggregate(cases([1, 1], [0.5, 0.6])) is None
    assert np.isnan(pooled("auc").weighted(cases([1, 1], [0.5, 0.6]), np.ones((1, 2)))).all()


def test_scores_that_are_no_probabilities_have_no_log_loss() -> None:
    margins = cases([1, 0], [2.5, 0.4])
    assert np.isnan(parse_metric("log-loss").values(margins)).all()
    assert parse_metric("ece").aggregate(margins) is None
    assert calibration(margins) == []
    assert parse_metric("auc").aggregate(margins) == 1.0


def test_ratings_are_no_classes() -> None:
    assert parse_metric("auc").aggregate(cases([4, 2], [0.5, 0.4])) is None


def test_reliability_bins() -> None:
    bins = calibration(cases([1, 0, 1, 1], [0.75, 0.71, 0.0, 1.0]))
    assert [tuple(each.values()) for each in bins] == [(1, 0.0, 1.0), (2, 0.73, 0.5), (1, 1.0, 1.0)]


def test_interval_of_auc_is_near_the_known_standard_error() -> None:
    some = drawn(1, 400)
    auc = pooled("auc")
    found = pooled_estimate(
        auc.aggregate(some), partial(auc.weighted, some), n=400, undefined=3, seed=1, resamples=2_000
    )
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    # Hanley and McNeil 1982
    a, m = found.value, 200
    error = np.sqrt((a * (1 - a) + (m - 1) * (a / (2 - a) - a * a) + (m - 1) * (2 * a * a / (1 + a) - a * a)) / m**2)
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.15)
    assert (found.n, found.undefined) == (400, 3)


@pytest.mark.parametrize("name", POOLED)
def test_a_better_arm_is_told_and_swapping_turns_the_sign(name: str) -> None:
    metric, good, poor = pooled(name), drawn(1, strength=3.0), drawn(2, strength=0.3)
    one, other = compare_pooled(metric, good, poor), compare_pooled(metric, poor, good)
    assert one.difference is not None
    assert other.difference is not None
    assert other.high is not None
    assert one.p is not None
    assert one.difference == -other.difference
    assert one.p == other.p
    assert one.low == pytest.approx(-other.high)
    if name != "ece":
        assert one.p < 0.01


def test_the_scale_of_an_arms_scores_does_not_matter_to_auc() -> None:
    one, other = drawn(1), drawn(2, strength=1.5)
    scaled = cases(other.label.tolist(), (other.score * 1_000).tolist())
    assert compare_pooled(pooled("auc"), one, scaled) == compare_pooled(pooled("auc"), one, other)


def test_the_test_of_auc_is_uniform_under_the_null() -> None:
    p_values = [
        compare_pooled(pooled("auc"), drawn(seed, 40), drawn(seed + 500, 40), resamples=100).p for seed in range(100)
    ]
    assert np.mean(np.array(p_values) <= 0.2) == pytest.approx(0.2, abs=0.1)


def test_few_cases_are_undefined_not_zero() -> None:
    auc, one_class = pooled("auc"), cases([1, 1, 1], [0.1, 0.2, 0.3])
    found = compare_pooled(auc, one_class, one_class)
    assert (found.difference, found.p, found.n, found.undefined, found.detectable) == (None, None, 0, 3, None)
    single = cases([4.0], [3.0])
    rmse = pooled("rmse")
    estimate = pooled_estimate(1.0, partial(rmse.weighted, single), n=1, undefined=0, seed=1)
    assert (estimate.value, estimate.low) == (1.0, None)
    assert pooled_estimate(None, partial(rmse.weighted, single), n=1, undefined=0, seed=1).undefined == 1
    assert compare_pooled(rmse, single, single).low is None
    # Two cases of different classes: most resamples have an AUC, some have not.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert compare_pooled(auc, cases([1, 0], [0.3, 0.1]), cases([1, 0], [0.1, 0.3])).difference == 1.0


def test_large_sets_are_resampled_less() -> None:
    drawn = [affordable(n, 10_000, work=POOLED_WORK) for n in (0, 6_000, 20_000, 10_000_000)]
    assert drawn == [10_000, 5_000, 1_500, 1_000]
    assert [affordable(n, 10_000) for n in (30_000, 100_000)] == [10_000, 3_000]
