"""Fitting weights on lists as long as a catalogue."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from evaluation.baselines.encoding import Batch, Encoder
from evaluation.baselines.signals import Logit, Weighted, fit_logit
from evaluation.types import Case
from retrieval.types import Item
from tests.evaluation.baselines import shop


class Measured:
    """A fake: random features of every candidate, the first of which the targets follow; hears how many at once."""

    names = ("told", "noise")

    def __init__(self, n_items: int) -> None:
        self.items = tuple(Item(item_id=str(n), title="") for n in range(n_items))
        self._encoder = Encoder(shop.training([("a", "0", 0.0, None)], items={one.item_id: one for one in self.items}))
        self.at_once: list[int] = []

    def rows(self, case_id: str) -> np.ndarray:
        random = np.random.default_rng(int(case_id))
        return random.standard_normal((len(self.items), 2))

    def cases(self, n: int) -> list[Case]:
        found = []
        for number in range(n):
            told = self.rows(str(number))[:, 0]
            target = int((told + np.random.default_rng(n + number).gumbel(size=len(told))).argmax())
            found.append(Case(case_id=str(number), user_id=None, history=(), candidates=self.items, target=str(target)))
        return found

    def features(self, cases: Sequence[Case]) -> tuple[np.ndarray, Batch]:
        self.at_once.append(sum(len(one.candidates) for one in cases))
        return np.concatenate([self.rows(one.case_id) for one in cases]), self._encoder.encode(cases)


def fitted_on_all(source: Measured, cases: Sequence[Case], l2: float) -> Logit:
    rows, batch = source.features(cases)
    chosen = np.array([item.item_id == one.target for one in cases for item in one.candidates])
    return fit_logit(rows, batch.candidate_case, chosen, l2)


def test_lists_of_a_thousand_rivals_are_fitted_on_as_they_are() -> None:
    source = Measured(1001)
    cases = source.cases(250)
    found = Weighted(source, source, cases, 1.0).fit
    assert found.weights.tolist() == fitted_on_all(source, cases, 1.0).weights.tolist()


def test_of_longer_lists_a_draw_is_fitted_on_and_the_weights_are_about_the_same() -> None:
    source = Measured(2500)
    cases = source.cases(250)
    found = Weighted(source, source, cases, 1.0)
    assert max(source.at_once) <= 200_000
    assert sum(source.at_once) == 2500 * 250
    assert found.fit.weights == pytest.approx(fitted_on_all(source, cases, 1.0).weights, abs=0.05)
    assert found.fit.weights == pytest.approx([1.0, 0.0], abs=0.15)
    # Nothing learnt, all that are looked at are equally likely.
    assert Weighted(source, source, cases, 1e9).fit.log_likelihood == pytest.approx(-math.log(1001), abs=1e-3)
    assert Weighted(source, source, cases[::-1], 1.0).fit.weights == pytest.approx(found.fit.weights, abs=1e-4)
