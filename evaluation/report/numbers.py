"""Numbers as words. Nothing is rounded before it comes here.

Metrics that are shares of 1 are shown times 100. An undefined number is a dash.
"""

from __future__ import annotations

import math

from evaluation.report.types import Difference

DASH = "–"
MINUS = "−"

_SHARES = frozenset({"ndcg", "recall", "hit", "hitrate", "mrr", "map", "ap", "auc", "accuracy", "precision", "success"})
_NAMES = {"auc": "AUC", "rmse": "RMSE", "mae": "MAE", "ndcg": "NDCG", "mrr": "MRR", "map": "MAP", "ece": "ECE"}


def base_of(metric: str) -> str:
    """The metric without its cut-off: "ndcg" of "ndcg@10"."""
    return metric.partition("@")[0].lower().replace("-", "").replace("_", "")


def cutoff_of(metric: str) -> int | None:
    """The k of "ndcg@10"; None where it has none."""
    _, _, k = metric.partition("@")
    return int(k) if k.isdigit() else None


def metric_name(metric: str) -> str:
    """The metric as people write it."""
    base, at, k = metric.partition("@")
    return _NAMES.get(base.lower(), base.replace("_", " ").capitalize()) + at + k


def is_share(metric: str) -> bool:
    """Whether the metric is a share of 1, and so shown times 100."""
    return base_of(metric) in _SHARES


def scaled(metric: str, value: float) -> float:
    """The value in the unit that it is shown in."""
    return value * 100 if is_share(metric) else value


def shown(metric: str, value: float | None) -> str:
    """A metric's value: "53.0", "0.912", or a dash."""
    return DASH if _absent(value) else _minus(f"{scaled(metric, value or 0.0):.{_digits(metric)}f}")


def signed(metric: str, value: float | None) -> str:
    """A difference with its sign."""
    return DASH if _absent(value) else _minus(f"{scaled(metric, value or 0.0):+.{_digits(metric)}f}")


def interval(metric: str, low: float | None, high: float | None) -> str:
    """Bounds in words, such as "49.1 to 56.8"; nothing where there are none."""
    return "" if _absent(low) or _absent(high) else f"{shown(metric, low)} to {shown(metric, high)}"


def difference_text(metric: str, difference: Difference | None) -> str:
    """A difference with its interval on one line."""
    if difference is None or _absent(difference.value):
        return DASH
    between = interval(metric, difference.low, difference.high)
    return signed(metric, difference.value) + (f" ({between})" if between else "")


def p_text(p: float | None) -> str:
    """A p-value: "0.034", "<0.001"."""
    if p is None or math.isnan(p):
        return DASH
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def seconds_text(seconds: float | None) -> str:
    """A time per case in the unit that suits it."""
    if seconds is None or math.isnan(seconds):
        return DASH
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            amount = seconds / size
            return f"{amount:.0f} {unit}" if amount >= 9.95 else f"{amount:.1f} {unit}"
    return "<1 µs"


def count_text(value: float | None) -> str:
    """A large number with spaces between the thousands."""
    if value is None or math.isnan(value):
        return DASH
    return f"{value:,.0f}".replace(",", "\u202f")


def plain_text(value: float | None, digits: int = 2) -> str:
    """A number without a unit."""
    return DASH if _absent(value) else _minus(f"{value:.{digits}f}")


def _digits(metric: str) -> int:
    return 1 if is_share(metric) else 3


def _absent(value: float | None) -> bool:
    return value is None or math.isnan(value)


def _minus(text: str) -> str:
    """With a real minus sign, and none before a zero."""
    if text.startswith("-"):
        return text[1:] if not text.strip("-0.") else MINUS + text[1:]
    return text
