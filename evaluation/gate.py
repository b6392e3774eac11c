"""A condition that a run must meet, such as `llm.ndcg@10 > embedding-max.ndcg@10`, decided by the paired test.

`>` asks for a significant improvement, `>=` that the left arm is not significantly worse; `<` and `<=` likewise, for
losses. Several gates of one run are corrected together (Holm), so more of them do not make luck more likely.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from evaluation.errors import RunConfigError
from evaluation.metrics.registry import parse_metric
from evaluation.report.numbers import interval, metric_name, shown, signed
from evaluation.spelling import meant
from evaluation.statistics.compare import Comparison, holm

EXIT_CODE = 8
"""Of a process whose gate did not hold."""
LEVEL = 0.05

Operator: TypeAlias = Literal[">", ">=", "<", "<="]
# An operator inside brackets belongs to an arm's name.
_OPERATOR = re.compile(r"(>=|<=|>|<)(?![^\[]*\])")


@dataclass(frozen=True, kw_only=True, slots=True)
class Gate:
    """A parsed condition."""

    text: str
    arm: str
    operator: Operator
    baseline: str
    metric: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """Whether a gate held, and the sentence that says why."""

    gate: Gate
    passed: bool
    sentence: str


def parse_gate(text: str, arms: Sequence[str]) -> Gate:
    """A condition over arms that are run. Raises RunConfigError that says what cannot be read, or what is unknown."""
    parts = _OPERATOR.split(text)
    if len(parts) != 3:
        raise RunConfigError(f"gate {text!r}: write it as 'ARM.METRIC > OTHER.METRIC', with one of > >= < <=")
    left, operator, right = (part.strip() for part in parts)
    sides = [_side(text, side, arms) for side in (left, right)]
    if sides[0].metric != sides[1].metric:
        raise RunConfigError(
            f"gate {text!r}: both sides need the same metric, not {sides[0].metric} and {sides[1].metric}"
        )
    if sides[0].arm == sides[1].arm:
        raise RunConfigError(f"gate {text!r} compares arm {sides[0].arm!r} with itself")
    return Gate(
        text=text,
        arm=sides[0].arm,
        operator=cast("Operator", operator),
        baseline=sides[1].arm,
        metric=sides[0].metric,
    )


def decide(gates: Sequence[Gate], comparisons: Sequence[Comparison]) -> list[Verdict]:
    """One verdict per gate; `comparisons` are of its arm with its baseline, in the same order."""
    corrected = holm([comparison.p for comparison in comparisons])
    return [
        _decide(gate, comparison, p, len(gates))
        for gate, comparison, p in zip(gates, comparisons, corrected, strict=True)
    ]


def _decide(gate: Gate, comparison: Comparison, p: float | None, n_gates: int) -> Verdict:
    difference = comparison.difference
    if difference is None or p is None:
        passed, said = False, f"there are only {comparison.n} cases on which both have a value, too few to tell"
    else:
        wanted = 1 if gate.operator.startswith(">") else -1
        significant = p < LEVEL
        if gate.operator in {">", "<"}:
            passed = significant and difference * wanted > 0
        else:
            passed = not (significant and difference * wanted < 0)
        said = difference_sentence(gate.metric, comparison, p, f"{n_gates} gates" if n_gates > 1 else None)
        if not passed and comparison.detectable is not None and gate.operator in {">", "<"}:
            said += f"; so many cases show differences from {shown(gate.metric, comparison.detectable)} on"
    held = "holds" if passed else "does not hold"
    return Verdict(gate=gate, passed=passed, sentence=f"gate '{gate.text}' {held}: {said}")


def difference_sentence(metric: str, found: Comparison, p: float, corrected_for: str | None) -> str:
    """A difference in the unit of the tables, shares times 100, with its interval, p and n."""
    bounds = interval(metric, found.low, found.high)
    between = f" (95% interval {bounds})" if bounds else ""
    corrected = f" after correction for {corrected_for}" if corrected_for else ""
    differs = f"{metric_name(metric)} differs by {signed(metric, found.difference)}{between}"
    return f"{differs}, p = {p:.4g}{corrected}, n = {found.n}"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Side:
    arm: str
    metric: str


def _side(text: str, side: str, arms: Sequence[str]) -> _Side:
    # The arm's name may hold points, inside its brackets and outside.
    arm, point, metric = side.rpartition(".")
    if not point or "]" in metric:
        raise RunConfigError(f"gate {text!r}: {side!r} must be an arm, a point and a metric, such as llm.ndcg@10")
    if arm not in arms:
        raise RunConfigError(f"gate {text!r}: there is no arm {arm!r} in this run; {meant(arm, arms)}")
    try:
        parse_metric(metric)
    except RunConfigError as error:
        raise RunConfigError(f"gate {text!r}: {error}") from error
    return _Side(arm=arm, metric=metric)
