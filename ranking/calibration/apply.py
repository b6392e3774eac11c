"""Probabilities of an answer's items: told where they were fitted for just such scores, and never guessed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ranking.calibration.file import Calibration, Fitted, ModelKey
from ranking.types import Recommendation


def calibrated(answer: Recommendation, calibration: Calibration | None) -> Recommendation:
    """The answer with the probability of each item; as it is where none fits its scores.

    None fits where the list was ranked by anything else than the validation lists were: a query's words, another model,
    fewer candidates read than there were, a user without a past, or more candidates.
    """
    fitted = None if calibration is None else _fitting(answer, calibration)
    if fitted is None:
        return answer
    told = fitted.curve.probability(np.array([item.score for item in answer.items], dtype=np.float64))
    items = tuple(replace(item, probability=float(p)) for item, p in zip(answer.items, told, strict=True))
    return replace(answer, items=items)


def is_like_validation(answer: Recommendation, calibration: Calibration) -> bool:
    """Whether a list is of the kind that the probabilities were fitted on, whoever ranked it."""
    query = None if answer.retrieved is None else answer.retrieved.query
    asked_in_words = query is not None and query.words is not None
    return answer.n_history > 0 and not asked_in_words and answer.n_candidates <= calibration.longest


def _fitting(answer: Recommendation, calibration: Calibration) -> Fitted | None:
    if answer.rung != "full" or not is_like_validation(answer, calibration):
        return None
    if answer.ranked_by == "signals":
        return calibration.signals
    fitted = calibration.llm if answer.ranked_by == "llm" else None
    return fitted if fitted is not None and fitted.model == ModelKey.of(answer) else None
