"""What the harness assumes of a metric."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from evaluation.metrics.types import Judged, Values


class Metric(Protocol):
    """A number that says how good an arm is."""

    @property
    def name(self) -> str:
        """As written in the configuration, such as "ndcg@10"."""

    @property
    def per_case(self) -> bool:
        """Whether the aggregate is the mean of one value per case. If not, the metric is a PooledMetric."""

    @property
    def higher_is_better(self) -> bool:
        """False for losses and errors."""

    def values(self, cases: Judged) -> Values:
        """One value per case, NaN where undefined. UndefinedError for a metric that has no value per case."""

    def aggregate(self, cases: Judged) -> float | None:
        """The number over all cases; None if it is undefined for all of them."""


@runtime_checkable
class PooledMetric(Metric, Protocol):
    """A metric over all cases at once, such as AUC, that can weigh the cases, which resampling needs."""

    def align(self, cases: Judged) -> Judged:
        """The same cases with scores that can be exchanged with another arm's, and the same aggregate."""

    def weighted(self, cases: Judged, weights: Values) -> Values:
        """The aggregate under each row of weights: shapes (n,) and (b, n) to (b,), NaN where it is undefined."""
