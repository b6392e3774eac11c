"""Gates: what they mean, how they are read, and that they say why they fell."""

from __future__ import annotations

from typing import Any

import pytest

from evaluation.errors import RunConfigError
from evaluation.gate import decide, parse_gate
from evaluation.statistics.compare import Comparison

ARMS = ("llm", "base-max", "zero[strategy=likelihood,fusion.llm=0.5]", "odd[x=>1]")


def comparison(**changed: Any) -> Comparison:
    values: dict[str, Any] = {"difference": 0.05, "low": 0.01, "high": 0.09, "p": 0.01, "n": 200, "undefined": 0}
    return Comparison(**{**values, "detectable": 0.04, "resamples": 100, **changed})


@pytest.mark.parametrize(
    ("text", "arm", "operator", "baseline"),
    [
        ("llm.ndcg@10 > base-max.ndcg@10", "llm", ">", "base-max"),
        ("base-max.ndcg@10<=llm.ndcg@10", "base-max", "<=", "llm"),
        (f"{ARMS[2]}.ndcg@10 >= llm.ndcg@10", ARMS[2], ">=", "llm"),
        ("odd[x=>1].ndcg@10 < llm.ndcg@10", "odd[x=>1]", "<", "llm"),
    ],
)
def test_gates_are_read(text: str, arm: str, operator: str, baseline: str) -> None:
    gate = parse_gate(text, ARMS)
    assert (gate.arm, gate.operator, gate.baseline, gate.metric) == (arm, operator, baseline, "ndcg@10")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("llm.ndcg@10", "write it as"),
        ("llm.ndcg@10 > base-max.ndcg@10 > llm.ndcg@10", "write it as"),
        ("llm.ndcg@10 > base-max.mrr@10", "the same metric"),
        ("llm.ndcg@10 > llm.ndcg@10", "with itself"),
        ("llm > base-max", "an arm, a point and a metric"),
        (f"{ARMS[2]} > llm.ndcg@10", "an arm, a point and a metric"),
        ("llm.ndcg@10 > bas-max.ndcg@10", "did you mean 'base-max'"),
        ("llm.ndgc@10 > base-max.ndgc@10", "ndgc"),
    ],
)
def test_gates_that_cannot_be_read_are_told(text: str, told: str) -> None:
    with pytest.raises(RunConfigError, match=told):
        parse_gate(text, ARMS)


@pytest.mark.parametrize(
    ("operator", "difference", "p", "passed"),
    [
        (">", 0.05, 0.01, True),
        (">", 0.05, 0.20, False),
        (">", -0.05, 0.01, False),
        (">=", -0.05, 0.20, True),
        (">=", -0.05, 0.01, False),
        (">=", 0.05, 0.01, True),
        ("<", -0.05, 0.01, True),
        ("<", 0.05, 0.01, False),
        ("<=", 0.05, 0.20, True),
        ("<=", 0.05, 0.01, False),
        (">", None, None, False),
        (">=", None, None, False),
    ],
)
def test_the_meaning_of_each_operator(operator: str, difference: float | None, p: float | None, passed: bool) -> None:
    gate = parse_gate(f"llm.ndcg@10 {operator} base-max.ndcg@10", ARMS)
    assert decide([gate], [comparison(difference=difference, p=p)])[0].passed is passed


def test_a_sentence_gives_difference_interval_p_and_n() -> None:
    gate = parse_gate("llm.ndcg@10 > base-max.ndcg@10", ARMS)
    sentence = decide([gate], [comparison(p=0.2)])[0].sentence
    for part in ("does not hold", "NDCG@10 differs by +5.0", "1.0 to 9.0", "p = 0.2", "n = 200", "from 4.0 on"):
        assert part in sentence


def test_several_gates_are_corrected_together() -> None:
    gate = parse_gate("llm.ndcg@10 > base-max.ndcg@10", ARMS)
    verdicts = decide([gate, gate], [comparison(p=0.03), comparison(p=0.04)])
    assert [verdict.passed for verdict in verdicts] == [False, False]
    assert "2 gates" in verdicts[0].sentence
