"""The paired difference of two arms: interval, test, and what it could have shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """An arm minus the baseline. None where the cases cannot give the number: all without cases, most with one case."""

    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    n: int
    undefined: int
    detectable: float | None
    resamples: int


def compare(values: Values, baseline_values: Values, *, seed: int, resamples: int = 10_000) -> Comparison:
    """Compare two arms over the same cases in the same order, shape (n,), NaN where undefined."""
    raise NotImplementedError


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down correction, in the order given; None stays None and does not count."""
    raise NotImplementedError
