"""What can be counted from outside, for Prometheus: numbers and names of ours, never a user's id or words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ranking.protocol import Loaded
from ranking.recommender import Recommender
from ranking.types import Recommendation
from service.indexing import Indexing

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_REJECTIONS = frozenset({413, 429, 503})


class Followed(Protocol):
    """What is looked at when somebody reads; service.serving.Serving is one."""

    @property
    def recommender(self) -> Recommender:
        """The current one."""

    @property
    def indexing(self) -> Indexing:
        """What brings the index up to date."""


class Metrics:
    """The counters of one service, in a registry of their own. docs/operations.md lists their names."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._answers = Counter("fewrec_answers", "Lists answered.", ["rung", "reason"], registry=registry)
        self._exposures = Counter(
            "fewrec_exposures", "Lists answered as part of an experiment.", ["experiment", "arm"], registry=registry
        )
        self._stages = Histogram(
            "fewrec_stage_seconds", "Time of a stage of a list.", ["stage"], buckets=_SECONDS, registry=registry
        )
        self._tokens = Counter("fewrec_tokens", "Tokens read and written.", ["kind"], registry=registry)
        self._calls = Counter("fewrec_model_calls", "Prompts that the model was given.", registry=registry)
        self._requests = Histogram(
            "fewrec_request_seconds",
            "Time of a request, to the end of its answer.",
            ["method", "route", "status"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._rejected = Counter("fewrec_rejected", "Requests refused for size or load.", ["status"], registry=registry)
        self.under_way = Gauge("fewrec_requests_under_way", "Requests being answered.", registry=registry)

    def answered(self, answer: Recommendation) -> None:
        """Counts a list."""
        self._answers.labels(answer.rung, answer.reason or "none").inc()
        if answer.experiment is not None:
            self._exposures.labels(answer.experiment, answer.arm or "interleaved").inc()
        for stage in answer.stages:
            self._stages.labels(stage.name).observe(stage.seconds)
        self._tokens.labels("prompt").inc(answer.prompt_tokens)
        self._tokens.labels("completion").inc(answer.completion_tokens)
        self._calls.inc(answer.model_calls)

    def requested(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Counts a request. `route` is the path as it is declared; status 499 says that the client left."""
        self._requests.labels(method, route, str(status)).observe(seconds)
        if status in _REJECTIONS:
            self._rejected.labels(str(status)).inc()

    def follow(self, serving: Followed) -> None:
        """Also tells how this serving is at the moment of reading."""
        self.registry.register(_Now(serving))


class _Now(Collector):
    """Read when somebody looks, not counted on the way."""

    def __init__(self, serving: Followed) -> None:
        self._serving = serving

    def collect(self) -> Iterator[Metric]:
        recommender, indexing = self._serving.recommender, self._serving.indexing
        behind = GaugeMetricFamily("fewrec_index_behind", "1 while writes wait to be indexed.")
        behind.add_metric([], float(indexing.behind))
        yield behind
        if recommender.ladder is not None:
            states = GaugeMetricFamily(
                "fewrec_breaker", "1 for the state that a breaker is in.", labels=["of", "state"]
            )
            breakers = {"engine": recommender.ladder.engine, "index": recommender.ladder.index}
            for name, breaker in breakers.items():
                for state in ("closed", "half-open", "open"):
                    states.add_metric([name, state], float(breaker.state == state))
            yield states
        if isinstance(recommender.engine, Loaded):
            load = recommender.engine.load()
            waiting = GaugeMetricFamily("fewrec_engine_waiting", "Calls that wait for the model.")
            waiting.add_metric([], load.waiting)
            yield waiting
            prefixes = CounterMetricFamily(
                "fewrec_prefix_tokens", "Tokens of prompts' beginnings, by where they came from.", labels=["source"]
            )
            prefixes.add_metric(["cache"], load.cached_tokens)
            prefixes.add_metric(["computed"], load.prefix_tokens - load.cached_tokens)
            yield prefixes
