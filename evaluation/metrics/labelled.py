"""Metrics of labelled cases (0 or 1) and of ratings, computed by scikit-learn.

scikit-learn weighs cases in a loop only, so the weighted forms that intervals need are written here, tested against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from evaluation.errors import UndefinedError
from evaluation.metrics.shape import CalibrationBinDict
from evaluation.metrics.types import Judged, Values
from evaluation.statistics.grid import on_grid

_BINS = 10
_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")
_SMALLEST = float(np.finfo(np.float64).eps)
"""Probabilities are kept this far from 0 and 1 in the logarithm, as scikit-learn does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Auc:
    """Area under the ROC curve: the chance that a case labelled 1 scores above one labelled 0, ties counting half."""

    name: str = "auc"
    per_case: bool = False
    higher_is_better: bool = True

    def values(self, cases: Judged) -> Values:
        """UndefinedError: AUC compares cases with one another."""
        raise _no_values(self.name, cases)

    def aggregate(self, cases: Judged) -> float | None:
        """AUC; None unless both labels occur."""
        from sklearn.metrics import roc_auc_score

        known = cases.take(_binary(cases))
        if len(np.unique(known.label)) < 2:
            return None
        return float(roc_auc_score(known.label, known.score))

    def align(self, cases: Judged) -> Judged:
        """Scores as ranks (ties averaged), which AUC does not tell from the scores."""
        from scipy.stats import rankdata

        return _with_scores(cases, rankdata(cases.score, nan_policy="omit"))

    def weighted(self, cases: Judged, weights: Values) -> Values:
        """AUC with cases counted by weight; NaN where a label has no weight."""
        known = np.flatnonzero(_binary(cases))
        known = known[np.argsort(cases.score[known], kind="stable")]
        ones, zeros = known[cases.label[known] == 1], known[cases.label[known] == 0]
        of_ones = weights.take(ones, axis=1)
        below = np.zeros((len(weights), len(zeros) + 1))
        np.cumsum(weights.take(zeros, axis=1), axis=1, out=below[:, 1:])
        # Weight of the zeros below each one, and of those not above it: a tie counts as the middle of the two.
        lowest, highest = (np.searchsorted(cases.score[zeros], cases.score[ones], side) for side in _SIDES)
        won = np.einsum("ij,ij->i", of_ones, below.take(lowest, axis=1) + below.take(highest, axis=1)) / 2
        return _ratio(won, of_ones.sum(axis=1) * below[:, -1])


@dataclass(frozen=True, kw_only=True, slots=True)
class LogLoss:
    """Mean of -ln(probability given to the label). Undefined for an arm whose scores are not all probabilities."""

    name: str = "log-loss"
    per_case: bool = True
    higher_is_better: bool = False

    def values(self, cases: Judged) -> Values:
        """-ln of the label's probability, nats; NaN without a 0-or-1 label, or if the arm gives no probabilities."""
        known = _probable(cases)
        chance = np.clip(cases.score, _SMALLEST, 1 - _SMALLEST)
        return np.where(known, -np.log(np.where(cases.label == 1, chance, 1 - chance)), np.nan)

    def aggregate(self, cases: Judged) -> float | None:
        """Mean log-loss."""
        from sklearn.metrics import log_loss

        known = cases.take(_probable(cases))
        return float(log_loss(known.label, known.score, labels=[0, 1])) if len(known) else None


@dataclass(frozen=True, kw_only=True, slots=True)
class CalibrationError:
    """Expected calibration error: mean |share of label 1 - mean probability| of ten equal bins, weighted by cases."""

    name: str = "ece"
    per_case: bool = False
    higher_is_better: bool = False

    def values(self, cases: Judged) -> Values:
        """UndefinedError: a single case is not calibrated or miscalibrated."""
        raise _no_values(self.name, cases)

    def aggregate(self, cases: Judged) -> float | None:
        """Calibration error in [0, 1]; None without probabilities."""
        bins = calibration(cases)
        total = sum(each["n"] for each in bins)
        return sum(each["n"] * abs(each["observed"] - each["predicted"]) for each in bins) / total if total else None

    def align(self, cases: Judged) -> Judged:
        """The cases as they are: probabilities of two arms are on one scale."""
        return cases

    def weighted(self, cases: Judged, weights: Values) -> Values:
        """Calibration error with cases counted by weight."""
        known = _probable(cases)
        gaps = np.zeros((len(cases), _BINS))
        gaps[np.flatnonzero(known), _bin(cases.score[known])] = cases.label[known] - cases.score[known]
        total: Values = weights @ known
        error: Values = np.abs(weights @ on_grid(gaps)).sum(axis=1)
        return _ratio(error, total)


@dataclass(frozen=True, kw_only=True, slots=True)
class RootMeanSquareError:
    """Square root of the mean squared difference of score and label; for ratings."""

    name: str = "rmse"
    per_case: bool = False
    higher_is_better: bool = False

    def values(self, cases: Judged) -> Values:
        """UndefinedError: the root is taken after the mean."""
        raise _no_values(self.name, cases)

    def aggregate(self, cases: Judged) -> float | None:
        """RMSE in the label's unit."""
        from sklearn.metrics import root_mean_squared_error

        known = cases.take(_rated(cases))
        return float(root_mean_squared_error(known.label, known.score)) if len(known) else None

    def align(self, cases: Judged) -> Judged:
        """The cases as they are: predictions of two arms are on one scale."""
        return cases

    def weighted(self, cases: Judged, weights: Values) -> Values:
        """RMSE with cases counted by weight."""
        known = _rated(cases)
        squares = np.where(known, (cases.score - cases.label) ** 2, 0.0)
        total: Values = weights @ known
        error: Values = weights @ on_grid(squares[:, None])[:, 0]
        return np.sqrt(_ratio(error, total))


@dataclass(frozen=True, kw_only=True, slots=True)
class MeanAbsoluteError:
    """Mean absolute difference of score and label; for ratings."""

    name: str = "mae"
    per_case: bool = True
    higher_is_better: bool = False

    def values(self, cases: Judged) -> Values:
        """The absolute difference of each case, in the label's unit."""
        return np.abs(cases.score - cases.label)

    def aggregate(self, cases: Judged) -> float | None:
        """MAE in the label's unit."""
        from sklearn.metrics import mean_absolute_error

        known = cases.take(_rated(cases))
        return float(mean_absolute_error(known.label, known.score)) if len(known) else None


def calibration(cases: Judged) -> list[CalibrationBinDict]:
    """The reliability curve in ten equal bins, lowest first, empty ones left out; empty without probabilities."""
    known = cases.take(_probable(cases))
    if not len(known):
        return []
    from sklearn.calibration import calibration_curve

    observed, predicted = calibration_curve(known.label, known.score, n_bins=_BINS, pos_label=1)
    sizes = np.bincount(_bin(known.score), minlength=_BINS)
    return [
        CalibrationBinDict(n=int(n), predicted=float(p), observed=float(o))
        for n, p, o in zip(sizes[sizes > 0], predicted, observed, strict=True)
    ]


def _bin(scores: Values) -> npt.NDArray[np.intp]:
    """The bin of each probability by scikit-learn's rule: bounds belong to the lower bin."""
    inner = np.linspace(0.0, 1.0, _BINS + 1)[1:-1]
    return np.searchsorted(inner, scores)


def _rated(cases: Judged) -> npt.NDArray[np.bool_]:
    known: npt.NDArray[np.bool_] = ~np.isnan(cases.label) & ~np.isnan(cases.score)
    return known


def _binary(cases: Judged) -> npt.NDArray[np.bool_]:
    known: npt.NDArray[np.bool_] = _rated(cases) & ((cases.label == 0) | (cases.label == 1))
    return known


def _probable(cases: Judged) -> npt.NDArray[np.bool_]:
    """Cases with a 0-or-1 label; none of them unless all their scores are in [0, 1]: half a loss would flatter."""
    known = _binary(cases)
    inside = (cases.score >= 0) & (cases.score <= 1)
    return known if bool(inside[known].all()) else np.zeros(len(cases), dtype=np.bool_)


def _ratio(above: Values, below: Values) -> Values:
    ratio: Values = np.divide(above, below, out=np.full(len(below), np.nan), where=below > 0)
    return ratio


def _with_scores(cases: Judged, scores: Values) -> Judged:
    return Judged(rank=cases.rank, found=cases.found, asked=cases.asked, label=cases.label, score=scores)


def _no_values(name: str, cases: Judged) -> UndefinedError:
    return UndefinedError(f"{name} has no value per case; take the aggregate over the {len(cases):,} cases")
