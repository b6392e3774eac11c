"""Fusion weights from validation cases: planted ones are found, few cases keep to the shipped ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from evaluation.errors import RunConfigError
from evaluation.tuning.fusion import FittedFusion, fit_fusion
from evaluation.types import Case
from ranking.settings import FusionWeights
from tests.evaluation.baselines.shop import ITEMS, training

TAKEN = [(f"u{n}", item_id, float(n), None) for n in range(40) for item_id in list(ITEMS)[n % 16 : n % 16 + 3]]
KNOWN = training(TAKEN)


def planted(n: int, weight: float) -> tuple[list[Case], list[tuple[float, ...]]]:
    """Cases of strangers whose target goes by the LLM's score with this weight, and by nothing else."""
    random = np.random.default_rng(7)
    cases, scores = [], []
    items = tuple(ITEMS.values())[:10]
    for place in range(n):
        values = random.normal(size=10)
        standard = (values - values.mean()) / values.std()
        chances = np.exp(weight * standard)
        target = items[random.choice(10, p=chances / chances.sum())].item_id
        cases.append(Case(case_id=f"c{place}", user_id=None, history=(), candidates=items, target=target))
        scores.append(tuple(values.tolist()))
    return cases, scores


def fitted(cases: Sequence[Case], scores: Sequence[Sequence[float]], l2: float = 8.0) -> FittedFusion:
    return fit_fusion(KNOWN, cases, scores, towards=FusionWeights(), l2=l2)


def test_planted_weights_are_found() -> None:
    found = fitted(*planted(1500, 1.2))
    assert found.weights.llm == pytest.approx(1.2, abs=0.12)
    assert found.weights.popularity == pytest.approx(0.0, abs=0.12)
    assert found.n_cases == 1500
    assert found.log_likelihood > -np.log(10)


def test_few_cases_and_strong_shrinkage_keep_to_the_shipped_weights() -> None:
    cases, scores = planted(1500, 1.2)
    few, free = fitted(cases[:16], scores[:16]).weights, fitted(cases[:16], scores[:16], l2=1e-6).weights
    assert FusionWeights().llm < few.llm < 0.85 * free.llm
    held = fitted(cases[:16], scores[:16], l2=1e6).weights.model_dump()
    assert held == pytest.approx(FusionWeights().model_dump(), abs=1e-3)


def test_what_no_case_tells_of_keeps_its_shipped_weight() -> None:
    weights = fitted(*planted(200, 1.2)).weights
    assert weights.query == FusionWeights().query
    assert weights.cooccurrence == pytest.approx(FusionWeights().cooccurrence)  # nobody has a history here


def test_fifteen_cases_are_too_few() -> None:
    with pytest.raises(RunConfigError, match="16 validation cases to be fitted on, and has 15"):
        fitted(*planted(15, 1.0))
