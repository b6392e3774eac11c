from __future__ import annotations

import pytest

from evaluation.errors import RunConfigError
from evaluation.metrics.protocol import PooledMetric
from evaluation.metrics.registry import is_ranking, parse_metric, parse_metrics

NAMES = ["ndcg@10", "recall@5", "hit-rate@1", "mrr@20", "map@1000", "auc", "log-loss", "ece", "rmse", "mae"]


@pytest.mark.parametrize("name", NAMES)
def test_a_metric_has_the_name_it_was_asked_by(name: str) -> None:
    metric = parse_metric(name)
    assert metric.name == name
    assert isinstance(metric, PooledMetric) != metric.per_case
    assert is_ranking(metric) == ("@" in name)
    assert metric.higher_is_better == (name not in {"log-loss", "ece", "rmse", "mae"})


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("ndgc@5", "did you mean 'ndcg@5'"),
        ("NDCG@10", "did you mean 'ndcg@10'"),
        ("hit_rate@3", "did you mean 'hit-rate@3'"),
        ("logloss", "did you mean 'log-loss'"),
        ("recall", "write recall@10"),
        ("ndcg@0", "a cut of 1 to 1,000"),
        ("ndcg@1001", "a cut of 1 to 1,000"),
        ("ndcg@ten", "a cut of 1 to 1,000"),
        ("wondrousness", "known are ndcg@k"),
        ("auc@5", "did you mean 'auc'"),
        ("", "known are ndcg@k"),
    ],
)
def test_what_is_not_a_metric_is_told(name: str, hint: str) -> None:
    with pytest.raises(RunConfigError, match=hint):
        parse_metric(name)


def test_a_run_has_metrics_and_each_once() -> None:
    assert [metric.name for metric in parse_metrics(["mrr@10", "ndcg@10"])] == ["mrr@10", "ndcg@10"]
    with pytest.raises(RunConfigError, match="named twice"):
        parse_metrics(["auc", "mae", "auc"])
    with pytest.raises(RunConfigError, match="name at least one"):
        parse_metrics([])
