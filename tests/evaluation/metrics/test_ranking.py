from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.metrics.ceiling import ceiling
from evaluation.metrics.ranking import MEASURES
from evaluation.metrics.registry import parse_metric
from evaluation.metrics.types import Judged, judge
from tests.evaluation.metrics.made import outcome

CLOSED_FORMS: dict[str, Callable[[int], float]] = {
    "ndcg": lambda rank: 1 / math.log2(rank + 1),
    "recall": lambda rank: 1.0,
    "hit-rate": lambda rank: 1.0,
    "mrr": lambda rank: 1 / rank,
    "map": lambda rank: 1 / rank,
}


def ranks(*places: int | None) -> Judged:
    return judge([outcome(f"c{place}", rank=place) for place in places])


@pytest.mark.parametrize("kind", MEASURES)
@pytest.mark.parametrize("cut", [1, 5, 10, 100])
def test_the_library_gives_the_closed_form_of_one_target(kind: str, cut: int) -> None:
    places = list(range(1, 121))
    expected = [CLOSED_FORMS[kind](rank) if rank <= cut else 0.0 for rank in places]
    assert parse_metric(f"{kind}@{cut}").values(ranks(*places)) == pytest.approx(expected)


def test_by_hand() -> None:
    cases = judge([outcome("a", rank=1), outcome("b", rank=3), outcome("c", rank=None), outcome("d", target=None)])
    values = parse_metric("ndcg@10").values(cases)
    assert values[:3].tolist() == [1.0, 0.5, 0.0]
    assert math.isnan(values[3])
    assert parse_metric("ndcg@10").aggregate(cases) == pytest.approx(0.5)
    assert parse_metric("mrr@10").aggregate(cases) == pytest.approx(4 / 9)
    assert parse_metric("recall@2").aggregate(cases) == pytest.approx(1 / 3)


def test_without_a_target_it_is_undefined() -> None:
    assert parse_metric("ndcg@10").aggregate(judge([outcome(target=None, rank=None)])) is None
    assert parse_metric("ndcg@10").aggregate(judge([])) is None


@given(st.sampled_from(MEASURES), st.integers(1, 30), st.lists(st.integers(1, 200), min_size=2))
def test_values_are_shares_and_a_better_rank_is_never_worse(kind: str, cut: int, places: list[int]) -> None:
    values = parse_metric(f"{kind}@{cut}").values(ranks(*sorted(places)))
    assert ((values >= 0) & (values <= 1)).all()
    assert (np.diff(values) <= 0).all()


def test_random_orders_of_twenty_give_the_known_value() -> None:
    assert parse_metric("ndcg@10").aggregate(ranks(*range(1, 21))) == pytest.approx(0.2272, abs=5e-5)


def test_a_hundred_thousand_cases_take_less_than_five_seconds() -> None:
    cases = ranks(*([7] * 1_000)).take(np.zeros(100_000, dtype=np.intp))
    started = time.process_time()
    for kind in MEASURES:
        parse_metric(f"{kind}@20").values(cases)
    assert time.process_time() - started < 5


def test_the_ceiling_is_what_retrieval_found() -> None:
    cases = judge([outcome("a", rank=9), outcome("b", rank=None), outcome("c", target=None, rank=None)])
    found = ceiling(cases, [parse_metric("ndcg@10"), parse_metric("auc")])
    assert found == {"n": 2, "found": 1, "recall": 0.5, "metrics": {"ndcg@10": 0.5}}
    assert ceiling(judge([]), [])["recall"] is None
