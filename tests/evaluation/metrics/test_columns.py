from __future__ import annotations

from dataclasses import replace

import pytest

from evaluation.errors import EvaluationError
from evaluation.metrics.columns import ArmColumns, Keys
from evaluation.types import Contract, Outcome
from tests.evaluation.metrics.made import labelled, outcome, trace


def columns(*outcomes: Outcome, keys: Keys | None = None) -> ArmColumns:
    found = ArmColumns(keys or Keys(top=2))
    for each in outcomes:
        found.add(each)
    return found


def test_the_table_is_sorted_by_scenario_then_case() -> None:
    table = columns(
        outcome("b", rank=2), outcome("a", scenario="history-0", rank=3), outcome("c", rank=4), outcome("a", rank=1)
    ).read()
    names = table.keys.cases.names()
    assert [names[case] for case in table.case] == ["a", "b", "c", "a"]
    assert table.rank.tolist() == [1, 2, 4, 3]
    assert len(table.of_scenario("history-0")) == 1
    assert len(table.of_scenario("history-9")) == 0


def test_what_is_absent_stays_absent() -> None:
    table = columns(outcome("a", rank=None), outcome("b", rank=None, target=None), labelled("c", 1, 0.25)).read()
    judged = table.judged()
    assert judged.asked.tolist() == [True, False, False]
    assert judged.found.tolist() == [False, False, False]
    assert judged.score[2] == 0.25
    assert judged.label[2] == 1.0
    assert judged.label[0] != judged.label[0]


def test_the_first_places_are_kept() -> None:
    table = columns(outcome("a", order=("x", "y", "z")), outcome("b", order=("y",))).read()
    names = table.keys.items.names()
    assert [[names[item] if item >= 0 else None for item in row] for row in table.top] == [["x", "y"], ["y", None]]


def test_operations_are_not_known_where_a_server_does_not_say_how_large_its_model_is() -> None:
    known, unknown = trace(10), replace(trace(10), parameters=None)
    assert columns(outcome("a", llm=known), outcome("b", llm=known)).totals.flops == 40_000
    assert columns(outcome("a", llm=unknown), outcome("b", llm=known)).totals.flops is None


def test_a_case_that_comes_twice_is_named() -> None:
    with pytest.raises(EvaluationError, match="case 'a' of scenario 'full' is there twice"):
        columns(outcome("a"), outcome("b"), outcome("a", rank=2)).read()


def test_totals_count_every_scenario() -> None:
    found = columns(
        outcome("a", contract=Contract(missing=2, repaired=3)),
        outcome("a", scenario="history-0", contract=Contract(fell_back=True, invented=1, duplicate=1)),
        outcome("b"),
    ).totals
    assert (found.cases, found.clean, found.missing, found.repaired) == (3, 1, 2, 3)
    assert (found.fell_back, found.invented, found.duplicate) == (1, 1, 1)


def test_the_sample_of_orders_is_bounded_and_does_not_depend_on_the_sequence() -> None:
    keys = Keys()
    cases = [outcome(f"c{i}", order=("x",)) for i in range(5_500)]
    one, other = columns(*cases, keys=keys), columns(*reversed(cases), keys=keys)
    assert len(one.orders["full"].kept) == 5_000
    assert one.orders["full"].kept.keys() == other.orders["full"].kept.keys()
