"""Probabilities fitted on validation lists, and how far they can be trusted on lists they were not fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import numpy.typing as npt

from evaluation.metrics.labelled import CalibrationError as ExpectedError
from evaluation.metrics.labelled import LogLoss
from evaluation.metrics.types import Judged
from ranking.calibration.curves import Method, Numbers, fit_curve
from ranking.calibration.file import Bin, Fitted, ModelKey, Quality
from ranking.draws import Draw
from ranking.errors import CalibrationError

_BINS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoredList:
    """A validation list: a score for each candidate, and which of them was taken."""

    case_id: str
    scores: tuple[float, ...]
    taken: int | None
    """Place of the item that was taken; None where it was not among the candidates."""


def fit_lists(lists: Sequence[ScoredList], method: Method | None, model: ModelKey | None, seed: int) -> Fitted:
    """The curve of all lists; without a method the one with the smaller log-loss on cases not fitted on.

    Raises ranking's CalibrationError for too few cases, or scores that tell nothing.
    """
    scores, taken = columns(lists)
    qualities = {name: quality_of(cross_fitted(name, lists, seed), taken) for name in get_args(Method)}
    best: Method = min(qualities, key=lambda name: qualities[name].log_loss) if method is None else method
    return Fitted(
        curve=fit_curve(best, scores, taken),
        n_cases=len(lists),
        n_candidates=len(scores),
        base_rate=float(taken.mean()),
        quality=qualities.pop(best),
        rejected=qualities,
        model=model,
    )


def cross_fitted(method: Method, lists: Sequence[ScoredList], seed: int) -> Numbers:
    """The probability of every candidate, list after list, by a curve fitted on the half of the lists it is not in."""
    scores, taken = columns(lists)
    fold = np.repeat(
        [Draw(seed=seed, purpose="calibration folds", key=one.case_id).words(1)[0] % 2 for one in lists],
        [len(one.scores) for one in lists],
    )
    told = np.zeros(len(scores))
    for held in (0, 1):
        told[fold == held] = fit_curve(method, scores[fold != held], taken[fold != held]).probability(
            scores[fold == held]
        )
    return told


def columns(lists: Sequence[ScoredList]) -> tuple[Numbers, Numbers]:
    """Scores, and what was taken (1) or not (0), of every candidate, list after list. CalibrationError without any."""
    if not lists:
        raise CalibrationError("there are no validation cases: nobody is known to have taken two liked items")
    scores = np.concatenate([np.asarray(one.scores, dtype=np.float64) for one in lists])
    taken = np.concatenate([np.arange(len(one.scores)) == one.taken for one in lists]).astype(np.float64)
    return scores, taken


def reliability(probabilities: Numbers, taken: Numbers, n_bins: int = _BINS) -> tuple[Bin, ...]:
    """Mean probability and share taken in bins of equally many candidates, lowest first; equal ones stay together.

    Bins of equal width would hold nearly all candidates in the first: most of them are seldom taken.
    """
    return tuple(
        Bin(n=len(part), predicted=float(probabilities[part].mean()), observed=float(taken[part].mean()))
        for part in equal_bins(probabilities, n_bins)
    )


def equal_bins(probabilities: Numbers, n_bins: int = _BINS) -> list[npt.NDArray[np.intp]]:
    """Places of the candidates of each bin of `reliability`."""
    order = np.argsort(probabilities, kind="stable")
    bounds = np.linspace(0, len(order), n_bins + 1).astype(int)[1:-1]
    ranked = probabilities[order]
    cuts = np.unique(np.searchsorted(ranked, ranked[bounds]))
    return [part for part in np.split(order, cuts) if len(part)]


def quality_of(probabilities: Numbers, taken: Numbers) -> Quality:
    """Log-loss and calibration errors of probabilities against what was taken (1) or not (0)."""
    bins = reliability(probabilities, taken)
    return Quality(
        log_loss=_known(LogLoss().aggregate(_judged(probabilities, taken))),
        log_loss_of_base=_known(LogLoss().aggregate(_judged(np.full(len(taken), taken.mean()), taken))),
        ece=_known(ExpectedError().aggregate(_judged(probabilities, taken))),
        ece_mass=sum(one.n * abs(one.observed - one.predicted) for one in bins) / len(taken),
        bins=bins,
    )


def _judged(score: Numbers, label: Numbers) -> Judged:
    none = np.zeros(len(label), dtype=np.bool_)
    return Judged(rank=np.zeros(len(label), dtype=np.int32), found=none, asked=none, label=label, score=score)


def _known(value: float | None) -> float:
    if value is None:
        raise CalibrationError("the probabilities cannot be measured: a candidate has none")
    return value
