"""Numbers and names as the report writes them."""

from __future__ import annotations

import pytest

from evaluation.report import numbers
from evaluation.report.markdown import escaped
from evaluation.report.names import parse_name, short_name
from evaluation.report.plots_canvas import spread


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        ("ndcg@10", 0.5304, "53.0"),
        ("rmse", 0.9124, "0.912"),
        ("auc", -0.0001, "0.0"),
        ("log-loss", 0.5, "0.500"),
        ("ndcg@10", None, "–"),
        ("ndcg@10", float("nan"), "–"),
        ("ndcg@10", 0.0, "0.0"),
    ],
)
def test_values(metric: str, value: float | None, text: str) -> None:
    assert numbers.shown(metric, value) == text


def test_differences_carry_a_sign_and_a_real_minus() -> None:
    assert numbers.signed("ndcg@10", 0.032) == "+3.2"
    assert numbers.signed("ndcg@10", -0.032) == "−3.2"
    assert numbers.interval("ndcg@10", -0.01, 0.02) == "−1.0 to 2.0"
    assert numbers.interval("ndcg@10", None, 0.02) == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1.24, "1.2 s"), (0.31, "310 ms"), (0.0042, "4.2 ms"), (2e-5, "20 µs"), (1e-9, "<1 µs"), (None, "–")],
)
def test_times(seconds: float | None, text: str) -> None:
    assert numbers.seconds_text(seconds) == text


def test_p_values_and_counts() -> None:
    assert [numbers.p_text(p) for p in (0.0004, 0.034, 1.0, None)] == ["<0.001", "0.034", "1.000", "–"]
    assert numbers.count_text(389718) == "389\u202f718"
    assert numbers.count_text(None) == "–"


def test_metric_names() -> None:
    assert [numbers.metric_name(name) for name in ("ndcg@10", "auc", "recall@5", "log-loss")] == [
        "NDCG@10", "AUC", "Recall@5", "Log-loss",
    ]  # fmt: skip
    assert numbers.cutoff_of("ndcg@10") == 10
    assert numbers.cutoff_of("auc") is None


def test_names_of_arms() -> None:
    name = parse_name("zero-shot[strategy=likelihood,prompt.shots=2]")
    assert name.number("shots") == 2
    assert name.number("strategy") is None
    assert name.without("shots") == "zero-shot[strategy=likelihood]"
    assert parse_name("a[b]").base == "a[b]"
    assert short_name("zero-shot[strategy=likelihood,prompt.shots=2]") == "zero-shot likelihood, 2 shots"
    assert short_name("x" * 50, 10) == "x" * 9 + "…"


def test_labels_are_moved_apart_in_their_order() -> None:
    assert spread([5.0, 5.1, 9.0], 1.0, 0.0, 10.0) == [5.0, 6.0, 9.0]
    placed = spread([9.9, 9.8, 9.7], 1.0, 0.0, 10.0)
    assert placed == [10.0, 9.0, 8.0]


def test_markdown_is_escaped() -> None:
    assert escaped("<b>a|b</b>\n*c* & d") == r"\<b\>a\|b\</b\> \*c\* &amp; d"
