"""Ranking metrics of one target among candidates, computed by ir_measures.

With one relevant item a metric depends only on the target's rank, so the library is asked once for every rank up to
the cut, and a case's value is looked up.
"""

from __future__ import annotations

from dataclasses import dataclass

import ir_measures
import numpy as np

from evaluation.metrics.types import Judged, Values

MEASURES = ("ndcg", "recall", "hit-rate", "mrr", "map")
"""Known ranking metrics, without their cut."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RankMetric:
    """A ranking metric at a cut. A case without a target is undefined; a target that was not found gives 0."""

    name: str
    by_rank: Values
    """Value of a target at rank 1, 2, … up to the cut; 0 beyond."""
    per_case: bool = True
    higher_is_better: bool = True

    def values(self, cases: Judged) -> Values:
        """One value per case in [0, 1], NaN for a case without a target."""
        table = np.append(self.by_rank, 0.0)
        beyond = len(self.by_rank)
        place = np.where(cases.found, np.minimum(cases.rank - 1, beyond), beyond)
        return np.where(cases.asked, table[place], np.nan)

    def aggregate(self, cases: Judged) -> float | None:
        """Mean over the cases with a target."""
        values = self.values(cases)[cases.asked]
        return float(values.mean()) if len(values) else None


def rank_metric(kind: str, cut: int) -> RankMetric:
    """Build "ndcg", "recall", "hit-rate" (success), "mrr" (reciprocal rank) or "map" (average precision) at a cut.

    Ranked documents have distinct scores, so how the library breaks ties does not matter.
    """
    measure = _measure(kind) @ cut
    judgements = {str(rank): {"target": 1} for rank in range(1, cut + 1)}
    runs = {
        str(rank): {**{f"other-{place}": float(cut - place) for place in range(1, rank)}, "target": float(cut - rank)}
        for rank in range(1, cut + 1)
    }
    values = np.zeros(cut)
    for result in ir_measures.pytrec_eval.iter_calc([measure], judgements, runs):
        values[int(result.query_id) - 1] = result.value
    return RankMetric(name=f"{kind}@{cut}", by_rank=values)


def _measure(kind: str) -> ir_measures.measures.Measure:
    measures = {
        "ndcg": ir_measures.nDCG,
        "recall": ir_measures.R,
        "hit-rate": ir_measures.Success,
        "mrr": ir_measures.RR,
        "map": ir_measures.AP,
    }
    return measures[kind]
