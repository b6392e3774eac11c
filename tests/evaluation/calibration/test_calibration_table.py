"""Probabilities before and after calibration, side by side."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.calibration.measure import ScoredList, fit_lists
from evaluation.calibration.table import softmax, table_of


def drawn(n: int) -> list[ScoredList]:
    """Lists of five, in which the better score is taken more often, and in half of them nothing."""
    random = np.random.default_rng(3)
    lists = []
    for number in range(n):
        scores = random.normal(size=5)
        chances = np.exp(scores) / np.exp(scores).sum()
        taken = int(random.choice(5, p=chances)) if random.random() < 0.5 else None
        lists.append(ScoredList(case_id=f"c{number}", scores=tuple(scores), taken=taken))
    return lists


def test_softmax_adds_up_to_one_in_each_list() -> None:
    lists = [
        ScoredList(case_id="a", scores=(0.0, float(np.log(3))), taken=0),
        ScoredList(case_id="b", scores=(1000.0, 1000.0, 1000.0, 1000.0), taken=None),
    ]
    assert softmax(lists) == pytest.approx([0.25, 0.75, 0.25, 0.25, 0.25, 0.25])


def test_the_table_holds_what_the_fit_tells_and_the_overconfidence_before_it() -> None:
    lists = drawn(400)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table_of(lists, seed=0).splitlines()]
    by_name = {row[0]: row[1:] for row in rows[2:]}
    fitted = fit_lists(lists, "platt", None, 0).quality
    platt = by_name["Platt's curve, after"]
    assert platt[2].startswith(f"{fitted.log_loss:.4f} (")
    assert platt[3].startswith(f"{fitted.ece_mass:.4f} (")
    before = by_name["softmax of the scores, before"]
    assert before[0] == "20.00%"
    assert 0.08 < float(before[3][:6]) < 0.12, "nothing is taken in half of the lists"
    assert float(platt[3][:6]) < float(before[3][:6])
    base = by_name["base rate for all"]
    assert base[0] == base[1]
    assert base[3].startswith("0.0000 (")
