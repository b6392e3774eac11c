"""How good an order of these candidates can be at all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evaluation.metrics.protocol import Metric
from evaluation.metrics.registry import is_ranking
from evaluation.metrics.shape import CeilingDict
from evaluation.metrics.types import Judged


def ceiling(cases: Judged, metrics: Sequence[Metric]) -> CeilingDict:
    """Retrieval's recall, and each ranking metric if every target that was found stood first."""
    found = cases.found & cases.asked
    oracle = Judged(
        rank=np.ones(len(cases), dtype=np.int32),
        found=found,
        asked=cases.asked,
        label=cases.label,
        score=cases.score,
    )
    n = int(cases.asked.sum())
    return CeilingDict(
        n=n,
        found=int(found.sum()),
        recall=int(found.sum()) / n if n else None,
        metrics={metric.name: metric.aggregate(oracle) for metric in metrics if is_ranking(metric)},
    )
