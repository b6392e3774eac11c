"""What a simulation showed, as a Markdown table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evaluation.ads.simulation import Told
from evaluation.metrics.types import Values
from evaluation.statistics.error_bars import estimates

COLUMNS = (
    "way",
    "paid for",
    "places sold",
    "NDCG@10",
    "less than without ads",
    "clicks per 1,000 lists",
    "revenue per 1,000 lists",
    "of budgets spent",
    "gone by 18:00",
    "spent by quarter",
)


def table_of(without: Values, ways: Sequence[Told], *, seed: int) -> str:
    """One row for lists without ads and one for each way; 95% bootstrap intervals over the users, times 100 for NDCG.

    `without` is the NDCG of the lists without ads, shape (n_users,), in the order of the ways' arrays.
    """
    rows = [f"| without ads | – | 0 | {_told(100 * without, seed)} | – | – | – | – | – | – |"]
    for way in ways:
        cells = (
            way.name,
            way.pays,
            f"{way.sold.mean():.2f}",
            _told(100 * way.ndcg, seed),
            _told(100 * (without - way.ndcg), seed),
            _told(1000 * way.clicks, seed, 1),
            _told(1000 * way.revenue, seed, 1),
            f"{way.spent_share:.0%}",
            f"{way.gone_by_evening:.0%}",
            " / ".join(f"{share:.0%}" for share in way.by_quarter),
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join([f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|", *rows])


def _told(values: Values, seed: int, digits: int = 2) -> str:
    [found] = estimates([np.asarray(values, dtype=np.float64)], seed=seed)
    low, high = found.low, found.high
    mean = f"{values.mean():.{digits}f}"
    return mean if low is None or high is None else f"{mean} ({low:.{digits}f} to {high:.{digits}f})"
