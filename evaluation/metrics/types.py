"""What a metric reads of an arm's outcomes: a few numbers per case, as parallel columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evaluation.types import Outcome

Values = npt.NDArray[np.float64]
"""One number per case, NaN where it is undefined."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """The verdict on n cases. Every column has shape (n,)."""

    rank: npt.NDArray[np.int32]
    """1-based; meaningless where `found` is false."""
    found: npt.NDArray[np.bool_]
    """The target was among the candidates, so it has a rank."""
    asked: npt.NDArray[np.bool_]
    """The case has a target. A target that was not found counts as a miss, a case without one is undefined."""
    label: Values
    """NaN for a case without a label."""
    score: Values
    """NaN for a case without a label."""

    def __len__(self) -> int:
        return len(self.rank)

    def take(self, index: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Judged:
        """The cases that a mask or an array of places picks, in its order."""
        return Judged(
            rank=self.rank[index],
            found=self.found[index],
            asked=self.asked[index],
            label=self.label[index],
            score=self.score[index],
        )


def judge(outcomes: Sequence[Outcome]) -> Judged:
    """Read the columns from outcomes, in their order."""
    nan = float("nan")
    return Judged(
        rank=np.array([0 if outcome.rank is None else outcome.rank for outcome in outcomes], dtype=np.int32),
        found=np.array([outcome.rank is not None for outcome in outcomes], dtype=np.bool_),
        asked=np.array([outcome.target is not None for outcome in outcomes], dtype=np.bool_),
        label=np.array([nan if outcome.label is None else outcome.label for outcome in outcomes], dtype=np.float64),
        score=np.array([nan if outcome.score is None else outcome.score for outcome in outcomes], dtype=np.float64),
    )
