"""Weights of the fused score, fitted on validation cases and shrunk towards the shipped ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.baselines.signals import fit_logit
from evaluation.baselines.types import MIN_FITTING_CASES
from evaluation.errors import RunConfigError
from ranking.fusion import fuse
from ranking.settings import FusionWeights
from retrieval.types import Signals


@dataclass(frozen=True, kw_only=True, slots=True)
class FusionCase:
    """A list, as fusion sees it before the LLM does."""

    signals: tuple[Signals, ...]
    """Of each candidate."""
    target: int
    """Place of the candidate that was taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FittedFusion:
    """What a fit gave."""

    weights: FusionWeights
    n_cases: int
    log_likelihood: float
    """Mean over the cases, without the shrinkage."""


def fit_in_two(
    read: Sequence[FusionCase], llm_scores: Sequence[Sequence[float]], unread: Sequence[FusionCase], *, l2: float
) -> FittedFusion:
    """Weights of the signals from all cases, and from there all weights from those that the LLM has read."""
    prior = fit_fusion([*read, *unread], None, towards=FusionWeights(), l2=l2).weights
    return fit_around(prior, read, llm_scores, l2=l2)


def fit_around(
    prior: FusionWeights, cases: Sequence[FusionCase], llm_scores: Sequence[Sequence[float]], *, l2: float
) -> FittedFusion:
    """All weights from the few cases that the LLM has scored, shrunk towards `prior`.

    The prior's signals are best fitted on the many cases that cost no LLM, so that adding the LLM starts from the best
    order without it. Raises as fit_fusion does.
    """
    return fit_fusion(cases, llm_scores, towards=prior.model_copy(update={"llm": FusionWeights().llm}), l2=l2)


def fit_fusion(
    cases: Sequence[FusionCase],
    llm_scores: Sequence[Sequence[float]] | None,
    *,
    towards: FusionWeights,
    l2: float,
) -> FittedFusion:
    """The conditional logit over what fusion adds up; see evaluation.baselines.signals.

    `llm_scores` has one entry per candidate of each case; without it the LLM's weight is 0. A weight that no case tells
    of stays as it is, as that of the query does where no case asks one. Raises RunConfigError for fewer than 16 cases.
    """
    if len(cases) < MIN_FITTING_CASES:
        raise RunConfigError(f"fusion needs {MIN_FITTING_CASES} validation cases to be fitted on, and has {len(cases)}")
    ones = FusionWeights(**dict.fromkeys(FusionWeights.model_fields, 1.0))
    start = towards if llm_scores is not None else towards.model_copy(update={"llm": 0.0})
    rows, chosen, case_of_row = [], [], []
    for place, case in enumerate(cases):
        fused = fuse(None if llm_scores is None else llm_scores[place], case.signals, ones)
        rows += [[part.contribution for part in one.parts] for one in fused]
        chosen += [at == case.target for at in range(len(fused))]
        case_of_row += [place] * len(fused)
    names = [part.name for part in fused[0].parts]
    shipped = start.model_dump()
    fit = fit_logit(
        np.array(rows),
        np.array(case_of_row, dtype=np.int64),
        np.array(chosen),
        l2,
        np.array([shipped[name] for name in names]),
    )
    weights = start.model_copy(update=dict(zip(names, fit.weights.tolist(), strict=True)))
    return FittedFusion(weights=weights, n_cases=fit.n_cases, log_likelihood=fit.log_likelihood)
