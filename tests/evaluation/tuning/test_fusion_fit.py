"""Fusion weights from validation cases: planted ones are found, few cases keep to the shipped ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from evaluation.errors import RunConfigError
from evaluation.tuning.fusion import FittedFusion, FusionCase, fit_around, fit_fusion
from ranking.settings import FusionWeights
from retrieval.types import Signals


@dataclass
class Lists:
    """Lists of strangers: popularity is known, nothing of a history is."""

    cases: list[FusionCase]
    scores: list[tuple[float, ...]]

    def first(self, n: int) -> Lists:
        return Lists(self.cases[:n], self.scores[:n])


def planted(n: int, weight: float) -> Lists:
    """The target goes by the LLM's score with this weight, and by nothing else."""
    random = np.random.default_rng(7)
    lists = Lists([], [])
    for _ in range(n):
        values = random.normal(size=10)
        standard = (values - values.mean()) / values.std()
        chances = np.exp(weight * standard)
        signals = tuple(Signals(log_popularity=value) for value in random.normal(size=10).tolist())
        target = int(random.choice(10, p=chances / chances.sum()))
        lists.cases.append(FusionCase(signals=signals, target=target))
        lists.scores.append(tuple(values.tolist()))
    return lists


def fitted(lists: Lists, l2: float = 8.0) -> FittedFusion:
    return fit_fusion(lists.cases, lists.scores, towards=FusionWeights(), l2=l2)


def by_popularity(cases: list[FusionCase]) -> list[FusionCase]:
    """The same lists, from which the most popular candidate was taken."""
    return [
        replace(case, target=max(range(10), key=lambda at: case.signals[at].log_popularity or 0.0)) for case in cases
    ]


def test_planted_weights_are_found() -> None:
    found = fitted(planted(1500, 1.2))
    assert found.weights.llm == pytest.approx(1.2, abs=0.12)
    assert found.weights.popularity == pytest.approx(0.0, abs=0.12)
    assert found.n_cases == 1500
    assert found.log_likelihood > -np.log(10)


def test_few_cases_and_strong_shrinkage_keep_to_the_shipped_weights() -> None:
    lists = planted(1500, 1.2)
    few, free = fitted(lists.first(16)).weights, fitted(lists.first(16), l2=1e-6).weights
    assert FusionWeights().llm < few.llm < 0.85 * free.llm
    held = fitted(lists.first(16), l2=1e6).weights.model_dump()
    assert held == pytest.approx(FusionWeights().model_dump(), abs=1e-3)


def test_what_no_case_tells_of_keeps_its_shipped_weight() -> None:
    weights = fitted(planted(200, 1.2)).weights
    assert weights.query == FusionWeights().query
    assert weights.cooccurrence == pytest.approx(FusionWeights().cooccurrence)  # nobody has a history here


def test_fifteen_cases_are_too_few() -> None:
    with pytest.raises(RunConfigError, match="16 validation cases to be fitted on, and has 15"):
        fitted(planted(15, 1.0))


def test_without_an_llm_its_weight_is_nothing_and_the_signals_are_fitted_all_the_same() -> None:
    lists = planted(300, 1.2)
    found = fit_fusion(by_popularity(lists.cases), None, towards=FusionWeights(), l2=8.0).weights
    assert found.llm == 0.0
    assert found.popularity > 1.0


def test_few_scored_cases_move_on_from_what_many_unscored_ones_say() -> None:
    many, few = by_popularity(planted(300, 1.2).cases), planted(40, 1.2)
    prior = fit_fusion(many, None, towards=FusionWeights(), l2=8.0).weights
    found = fit_around(prior, few.cases, few.scores, l2=8.0).weights
    assert found.llm > FusionWeights().llm
    assert fitted(few).weights.popularity < found.popularity < prior.popularity
