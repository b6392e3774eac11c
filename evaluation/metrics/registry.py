"""Metrics by name."""

from __future__ import annotations

from evaluation.metrics.protocol import Metric


def parse_metric(name: str) -> Metric:
    """Look a metric up, such as "ndcg@10" or "auc". RunConfigError names the nearest known one."""
    raise NotImplementedError(name)
