"""Weights of the fused score, fitted on validation cases and shrunk towards the shipped ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.baselines.signals import SignalFeatures, fit_logit, standardised
from evaluation.baselines.types import MIN_FITTING_CASES
from evaluation.errors import RunConfigError
from evaluation.protocol import Scores
from evaluation.types import Case, Training
from ranking.settings import FusionWeights

_FEATURES = {"similarity": "similarity_max", "cooccurrence": "cooccurrence", "popularity": "log_popularity"}
"""Fusion's name of each signal that cases can tell of, and the yardstick's name of the same."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FittedFusion:
    """What a fit gave."""

    weights: FusionWeights
    n_cases: int
    log_likelihood: float
    """Mean over the cases, without the shrinkage."""


def fit_fusion(
    training: Training,
    cases: Sequence[Case],
    llm_scores: Sequence[Sequence[float]],
    *,
    towards: FusionWeights,
    l2: float,
) -> FittedFusion:
    """The conditional logit over the LLM's scores and retrieval's signals; see evaluation.baselines.signals.

    Every case holds its target; `llm_scores` has one score per candidate of each case. `training` is what was known
    when they were asked. The weight of the query stays as it is: no case asks one.
    Raises RunConfigError for fewer than 16 cases.
    """
    if len(cases) < MIN_FITTING_CASES:
        raise RunConfigError(f"fusion needs {MIN_FITTING_CASES} validation cases to be fitted on, and has {len(cases)}")
    source = SignalFeatures(training)
    features, batch = source.features(cases)
    flat = np.array([score for scores in llm_scores for score in scores], dtype=np.float64)
    everywhere = np.ones(len(flat), dtype=np.bool_)
    columns: list[Scores] = [standardised(flat, everywhere, batch.candidate_case, batch.n_cases)]
    columns += [features[:, source.names.index(feature)] for feature in _FEATURES.values()]
    names = ("llm", *_FEATURES)
    shipped = towards.model_dump()
    fit = fit_logit(
        np.stack(columns, axis=1),
        batch.candidate_case,
        np.array([item.item_id == case.target for case in cases for item in case.candidates]),
        l2,
        np.array([shipped[name] for name in names]),
    )
    fitted = dict(zip(names, fit.weights.tolist(), strict=True))
    return FittedFusion(
        weights=towards.model_copy(update=fitted), n_cases=fit.n_cases, log_likelihood=fit.log_likelihood
    )
