from __future__ import annotations

import numpy as np
import pytest

from evaluation.calibration.measure import ScoredList, fit_lists, quality_of, reliability
from evaluation.calibration.plot import reliability_plot
from ranking.draws import Draw
from ranking.errors import CalibrationError


def lists(n: int = 400, *, missed: int = 4) -> list[ScoredList]:
    """Of 10 candidates one was taken, by a softmax of the scores; every so manyth list missed what was taken."""
    rng = np.random.default_rng(3)
    made = []
    for at in range(n):
        scores = rng.normal(size=10)
        chance = np.exp(1.5 * scores) / np.exp(1.5 * scores).sum()
        taken = None if at % missed == 0 else int(rng.choice(10, p=chance))
        made.append(ScoredList(case_id=f"c{at}", scores=tuple(scores), taken=taken))
    return made


def test_both_ways_are_measured_on_cases_not_fitted_on_and_the_better_is_kept() -> None:
    fitted = fit_lists(lists(), None, None, seed=0)
    assert (fitted.n_cases, fitted.n_candidates) == (400, 4000)
    assert fitted.base_rate == pytest.approx(0.075)
    assert {fitted.curve.kind, *fitted.rejected} == {"platt", "isotonic"}
    assert fitted.quality.log_loss <= min(one.log_loss for one in fitted.rejected.values())
    assert fitted.quality.log_loss < fitted.quality.log_loss_of_base
    assert fitted.quality.ece_mass < 0.02
    assert fit_lists(lists(), "isotonic", None, seed=0).curve.kind == "isotonic"


def test_nothing_depends_on_the_order_of_the_cases() -> None:
    assert fit_lists(lists()[::-1], "platt", None, seed=0).quality.log_loss == pytest.approx(
        fit_lists(lists(), "platt", None, seed=0).quality.log_loss
    )


def test_a_case_is_measured_by_the_curve_of_the_other_fold() -> None:
    # In one fold high scores are taken, in the other low ones: a curve measured where it was fitted would look well.
    made = []
    for at in range(60):
        high = Draw(seed=0, purpose="calibration folds", key=f"c{at}").words(1)[0] % 2 == 0
        made.append(ScoredList(case_id=f"c{at}", scores=(0.0, 1.0, 2.0), taken=2 if high else 0))
    with pytest.raises(CalibrationError, match="higher score does not mean"):
        fit_lists(made, "platt", None, seed=0)


def test_too_few_cases() -> None:
    with pytest.raises(CalibrationError, match="no validation cases"):
        fit_lists([], None, None, seed=0)
    with pytest.raises(CalibrationError, match="it takes 10"):
        fit_lists(lists(8), None, None, seed=0)


def test_bins_by_hand() -> None:
    told = np.array([0.1, 0.1, 0.2, 0.4])
    bins = reliability(told, np.array([0.0, 0.0, 1.0, 0.0]), n_bins=2)
    assert [one.n for one in bins] == [2, 2]
    assert [one.predicted for one in bins] == pytest.approx([0.1, 0.3])
    assert [one.observed for one in bins] == [0.0, 0.5]
    quality = quality_of(told, np.array([0.0, 0.0, 1.0, 0.0]))
    assert quality.ece_mass == pytest.approx((0.1 * 2 + 0.8 + 0.4) / 4)
    assert len(reliability(np.full(5, 0.3), np.zeros(5))) == 1, "equal ones stay together"


def test_the_plot_has_a_line_for_each_score() -> None:
    fitted = fit_lists(lists(), None, None, seed=0)
    svg = reliability_plot({"signals": fitted, "llm": fitted})
    assert svg.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert "var(--" not in svg, "a file of its own has no page whose colours it could take"
    assert svg == reliability_plot({"signals": fitted, "llm": fitted})
