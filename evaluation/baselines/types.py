"""What baselines are built from beside the training data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.types import Case, Training

MIN_FITTING_CASES = 16
"""Fewer validation cases cannot carry fitted weights."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fitting:
    """What weights are fitted on: validation cases, and what was known when they were asked."""

    training: Training
    cases: Sequence[Case]
    """With candidates; those whose target is not among their candidates are not used."""
