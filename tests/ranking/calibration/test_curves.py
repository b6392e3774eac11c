from __future__ import annotations

import math

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression

from ranking.calibration.curves import Isotonic, Numbers, Platt, fit_curve
from ranking.errors import CalibrationError


def drawn(n: int = 4000, seed: int = 1) -> tuple[Numbers, Numbers]:
    """Scores, and what was taken with the probability 1 / (1 + exp(-(1.5 score - 2)))."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=n)
    taken = (rng.random(n) < 1 / (1 + np.exp(-(1.5 * scores - 2)))).astype(np.float64)
    return scores, taken


def test_platt_by_hand_and_far_out() -> None:
    curve = Platt(slope=2.0, intercept=-1.0)
    told = curve.probability(np.array([0.5, 1.0, 1e6, -1e6]))
    assert told[0] == 0.5
    assert told[1] == pytest.approx(1 / (1 + math.exp(-1)))
    assert told[2:].tolist() == pytest.approx([1.0, 0.0])


def test_platt_finds_the_line_that_made_the_data() -> None:
    curve = fit_curve("platt", *drawn(40_000))
    assert isinstance(curve, Platt)
    assert [curve.slope, curve.intercept] == pytest.approx([1.5, -2.0], abs=0.06)


def test_platt_is_that_of_scikit_learn() -> None:
    scores, taken = drawn(600)
    # A classifier whose decision is twice the score: the sigmoid that scikit-learn fits on it is our line.
    base = LogisticRegression().fit(scores[:, None], taken)
    base.coef_[:], base.intercept_[:] = 2.0, 0.0
    from sklearn.frozen import FrozenEstimator

    oracle = CalibratedClassifierCV(FrozenEstimator(base), method="sigmoid", ensemble=False)
    oracle.fit(scores[:, None], taken)
    grid = np.linspace(-3, 3, 13)
    assert fit_curve("platt", scores, taken).probability(grid) == pytest.approx(
        oracle.predict_proba(grid[:, None])[:, 1], abs=1e-3
    )


def test_isotonic_never_falls_and_keeps_the_mean() -> None:
    scores, taken = drawn()
    told = fit_curve("isotonic", scores, taken).probability(np.sort(scores))
    assert (np.diff(told) >= 0).all()
    assert told.mean() == pytest.approx(taken.mean(), abs=1e-3)
    assert fit_curve("isotonic", scores, taken).probability(np.array([-99.0, 99.0])).tolist() == [told[0], told[-1]]


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_what_cannot_be_fitted(method: str) -> None:
    scores, taken = drawn()
    with pytest.raises(CalibrationError, match="9 of 100 validation candidates"):
        fit_curve(method, scores[:100], (np.arange(100) < 9).astype(float))  # type: ignore[arg-type]
    with pytest.raises(CalibrationError, match="a higher score does not mean"):
        fit_curve(method, -np.sort(scores), np.sort(taken))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("scores", "probabilities"),
    [((0.0, 1.0), (0.5, 0.4)), ((1.0, 1.0), (0.1, 0.2)), ((0.0, 1.0), (0.1, 1.5)), ((0.0, 1.0), (0.1,))],
)
def test_steps_that_are_none(scores: tuple[float, ...], probabilities: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError):
        Isotonic(scores=scores, probabilities=probabilities)
