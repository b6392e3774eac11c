"""Probabilities for tests, with defaults for everything that a test does not care about."""

from __future__ import annotations

from ranking.calibration.curves import Platt
from ranking.calibration.file import Bin, Calibration, Fitted, ModelKey, Quality


def fitted(model: ModelKey | None = None, *, intercept: float = -2.0, base_rate: float = 0.05) -> Fitted:
    bins = (Bin(n=10, predicted=0.1, observed=0.1),)
    quality = Quality(log_loss=0.1, log_loss_of_base=0.2, ece=0.01, ece_mass=0.02, bins=bins)
    return Fitted(
        curve=Platt(slope=1.0, intercept=intercept),
        n_cases=20,
        n_candidates=400,
        base_rate=base_rate,
        quality=quality,
        rejected={"isotonic": quality},
        model=model,
    )


def calibration(**changes: object) -> Calibration:
    made = Calibration(made_at="2026-01-01T00:00:00+00:00", scores_digest="d", longest=20, signals=fitted())
    return made.model_copy(update=changes)
