"""Metrics by name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence

from evaluation.errors import RunConfigError
from evaluation.metrics.labelled import Auc, CalibrationError, LogLoss, MeanAbsoluteError, RootMeanSquareError
from evaluation.metrics.protocol import Metric
from evaluation.metrics.ranking import MEASURES, RankMetric, rank_metric

_LARGEST_CUT = 1_000
_OF_LABELS = {"labelled": ("auc", "log-loss", "ece", "rmse", "mae"), "rating": ("rmse", "mae")}
"""By protocol; the others have targets, which have ranks."""
_PREFERRED = ("ndcg@10", "auc", "rmse")


def parse_metric(name: str) -> Metric:
    """Look a metric up: ndcg@k, recall@k, hit-rate@k, mrr@k, map@k, auc, log-loss, ece, rmse, mae.

    RunConfigError if there is no such metric, with the nearest one; k is 1 to 1,000.
    """
    labelled = _labelled()
    if name in labelled:
        return labelled[name]()
    kind, _, cut = name.partition("@")
    if kind not in MEASURES:
        raise RunConfigError(_unknown(name, kind, cut, labelled))
    if not re.fullmatch(r"[1-9][0-9]{0,3}", cut) or int(cut) > _LARGEST_CUT:
        raise RunConfigError(f"metric {name!r} needs a cut of 1 to {_LARGEST_CUT:,}: write {kind}@10")
    return rank_metric(kind, int(cut))


def parse_metrics(names: Sequence[str]) -> list[Metric]:
    """Look all of a run's metrics up, in order. RunConfigError if one is named twice or none is named."""
    repeated = [name for place, name in enumerate(names) if name in names[:place]]
    if repeated:
        raise RunConfigError(f"metric {repeated[0]!r} is named twice; leave one out")
    if not names:
        raise RunConfigError("no metrics are named; name at least one, such as ndcg@10")
    return [parse_metric(name) for name in names]


def check_protocol(metric: Metric, protocol: str) -> None:
    """RunConfigError for a metric that no case of the protocol can give a value, so that no run ends without it."""
    known = _OF_LABELS.get(protocol)
    if metric.name in known if known is not None else is_ranking(metric):
        return
    choices = ", ".join(known or (f"{measure}@10" for measure in MEASURES))
    raise RunConfigError(f"{metric.name} has no value under protocol {protocol}; use {choices}")


def main_metric(names: Sequence[str]) -> str:
    """The one of a run's metrics that stands for the run: ndcg@10, else AUC, else RMSE, else the first."""
    return next((name for name in _PREFERRED if name in names), names[0])


def is_ranking(metric: Metric) -> bool:
    """Whether the metric reads the target's rank, not a label."""
    return isinstance(metric, RankMetric)


def _labelled() -> dict[str, Callable[[], Metric]]:
    return {
        "auc": Auc,
        "log-loss": LogLoss,
        "ece": CalibrationError,
        "rmse": RootMeanSquareError,
        "mae": MeanAbsoluteError,
    }


def _unknown(name: str, kind: str, cut: str, labelled: dict[str, Callable[[], Metric]]) -> str:
    known = [*MEASURES, *labelled]
    near = difflib.get_close_matches(kind.lower().replace("_", "-"), known, n=1, cutoff=0.5)
    if near:
        guess = near[0] if near[0] in labelled else f"{near[0]}@{cut or 10}"
        return f"unknown metric {name!r}; did you mean {guess!r}?"
    choices = ", ".join([*(f"{measure}@k" for measure in MEASURES), *labelled])
    return f"unknown metric {name!r}; known are {choices}"
