"""From a score to the probability that the item is taken: a curve that never falls, fitted on validation cases."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from ranking.errors import CalibrationError
from retrieval.config import Section

Numbers: TypeAlias = npt.NDArray[np.float64]
Method: TypeAlias = Literal["platt", "isotonic"]
MIN_TAKEN = 10
"""A curve is not fitted on fewer candidates that were taken, or were not."""
_FURTHEST = 700.0
"""The exponential of more would overflow."""


class Platt(Section):
    """The logistic function of a line; see Platt, "Probabilistic Outputs for Support Vector Machines", 1999."""

    kind: Literal["platt"] = "platt"
    slope: float = Field(gt=0, allow_inf_nan=False)
    intercept: float = Field(allow_inf_nan=False)

    def probability(self, scores: Numbers) -> Numbers:
        """Of each score, in (0, 1) but for rounding; same shape."""
        found: Numbers = 1.0 / (1.0 + np.exp(np.clip(-self.slope * scores - self.intercept, -_FURTHEST, _FURTHEST)))
        return found


class Isotonic(Section):
    """Steps joined by lines, flat beyond the ends; see Zadrozny and Elkan, KDD 2002."""

    kind: Literal["isotonic"] = "isotonic"
    scores: tuple[float, ...] = Field(min_length=2)
    """Rising."""
    probabilities: tuple[float, ...]
    """Of these scores; in [0, 1], never falling."""

    @model_validator(mode="after")
    def _rises(self) -> Self:
        scores, probabilities = np.asarray(self.scores), np.asarray(self.probabilities)
        if len(scores) != len(probabilities) or not np.isfinite(scores).all():
            raise ValueError("a probability for each finite score")
        if (np.diff(scores) <= 0).any() or (np.diff(probabilities) < 0).any():
            raise ValueError("scores must rise and probabilities must not fall")
        if not (probabilities[0] >= 0 and probabilities[-1] <= 1):
            raise ValueError("probabilities lie in [0, 1]")
        return self

    def probability(self, scores: Numbers) -> Numbers:
        """Of each score, in [0, 1]; same shape."""
        found: Numbers = np.interp(scores, self.scores, self.probabilities)
        return found


Curve: TypeAlias = Annotated[Platt | Isotonic, Field(discriminator="kind")]


def fit_curve(method: Method, scores: Numbers, taken: Numbers) -> Platt | Isotonic:
    """The curve of scores and of what was taken (1) or not (0), by scikit-learn.

    Raises CalibrationError where too few were taken or were not, or where a higher score does not mean a higher chance.
    """
    n_taken = int(taken.sum())
    if min(n_taken, len(taken) - n_taken) < MIN_TAKEN:
        raise CalibrationError(
            f"{n_taken} of {len(taken)} validation candidates were taken; it takes {MIN_TAKEN} that were, and as many "
            "that were not, to fit probabilities. Import more interactions, or calibrate on more cases"
        )
    return _platt(scores, taken) if method == "platt" else _isotonic(scores, taken)


def _platt(scores: Numbers, taken: Numbers) -> Platt:
    from sklearn.linear_model import LogisticRegression

    ones = taken.sum()
    # Platt's targets, a little inside of 0 and 1: every case counts as both, by its target.
    target = np.where(taken == 1, (ones + 1) / (ones + 2), 1 / (len(taken) - ones + 2))
    model = LogisticRegression(C=np.inf, max_iter=1000)
    both = np.concatenate([scores, scores])[:, None]
    model.fit(both, np.repeat([1, 0], len(scores)), sample_weight=np.concatenate([target, 1 - target]))
    slope = float(model.coef_[0, 0])
    if slope <= 0:
        raise CalibrationError(_UPSIDE_DOWN)
    return Platt(slope=slope, intercept=float(model.intercept_[0]))


def _isotonic(scores: Numbers, taken: Numbers) -> Isotonic:
    from sklearn.isotonic import IsotonicRegression

    model = IsotonicRegression(y_min=0, y_max=1, increasing=True, out_of_bounds="clip").fit(scores, taken)
    steps, levels = model.X_thresholds_, model.y_thresholds_
    if len(steps) < 2 or levels[0] == levels[-1]:
        raise CalibrationError(_UPSIDE_DOWN)
    return Isotonic(scores=tuple(map(float, steps)), probabilities=tuple(map(float, np.clip(levels, 0, 1))))


_UPSIDE_DOWN = (
    "on the validation cases a higher score does not mean a higher chance of being taken, so no probability can be "
    "told from it; tune the fusion weights first (fewrec tune)"
)
