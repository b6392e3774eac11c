"""What the replay showed, as a Markdown table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evaluation.metrics.types import Values
from evaluation.scenarios.replay import Told
from evaluation.statistics.error_bars import estimates

COLUMNS = (
    "scenario",
    "list",
    "NDCG@10",
    "NDCG@10 against",
    "distance within the list",
    "fresh",
    "repeats per list",
)


def table_of(ways: Sequence[Told], *, seed: int) -> str:
    """One row for each way, the first being the list without a scenario; 95% bootstrap intervals over the lists.

    NDCG is times 100. Its difference is paired: a scenario's first row stands against the list without a scenario, the
    others against the first.
    """
    rows, first = [], ways[0]
    for way in ways:
        new = way.way.scenario != first.way.scenario
        against = ways[0] if new else first
        cells = (
            way.way.scenario or "–",
            way.way.name,
            _told(100 * way.ndcg, seed),
            "–" if way is ways[0] else _told(100 * (way.ndcg - against.ndcg), seed, sign="+"),
            _told(way.distance, seed, 3),
            _percent(way.fresh, seed),
            _told(way.repeats, seed),
        )
        rows.append(f"| {' | '.join(cells)} |")
        first = way if new else first
    return "\n".join([f"| {' | '.join(COLUMNS)} |", "|---|---" + "|---:" * (len(COLUMNS) - 2) + "|", *rows])


def _percent(values: Values, seed: int) -> str:
    return _told(100 * values, seed, 0, unit="%")


def _told(values: Values, seed: int, digits: int = 2, *, sign: str = "", unit: str = "") -> str:
    [found] = estimates([np.asarray(values, dtype=np.float64)], seed=seed)
    if found.value is None:
        return "–"

    def number(value: float) -> str:
        return f"{value:{sign}.{digits}f}".replace("-", "−")

    told = f"{number(found.value)}{unit}"
    if found.low is None or found.high is None:
        return told
    sign = ""
    return f"{told} ({number(found.low)} to {number(found.high)})"
