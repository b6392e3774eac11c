"""A baseline as an arm."""

from __future__ import annotations

import time
from collections.abc import Sequence

from evaluation.protocol import Baseline
from evaluation.types import Case, Ranked


class BaselineRanker:
    """Implements evaluation.protocol.Ranker over a fitted baseline. Its time is shared evenly over a batch."""

    def __init__(self, name: str, baseline: Baseline) -> None:
        self.name = name
        self._baseline = baseline

    async def rank(self, cases: Sequence[Case]) -> list[Ranked]:
        """One answer per case, in order."""
        started = time.perf_counter()
        scores = self._baseline.score(cases)
        share = (time.perf_counter() - started) / max(len(cases), 1)
        return [Ranked(scores=tuple(row.tolist()), seconds=share) for row in scores]
