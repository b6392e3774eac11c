"""The one sentence that a run comes to, computed from its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from evaluation.report.numbers import (
    difference_text,
    metric_name,
    p_text,
    shown,
    signed,
)
from evaluation.report.types import Arm, Difference, Run

SIGNIFICANT = 0.05

Outcome = Literal["better", "unclear", "worse", "none"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a run says about the LLM."""

    outcome: Outcome
    """Of the best LLM arm against the best arm without an LLM; "none" where one of them is missing."""
    sentence: str
    details: tuple[str, ...]
    """Further sentences: the embedding baseline, and what the number of cases could show."""


def best_arm(run: Run, arms: Sequence[Arm]) -> Arm | None:
    """The arm with the best value of the main metric; the first of equals, None where no arm has one."""
    metric = run.metric
    sign = 1.0 if run.higher_is_better.get(metric, True) else -1.0
    best: Arm | None = None
    best_value = float("-inf")
    for arm in arms:
        value = value_of(arm, metric)
        if value is not None and sign * value > best_value:
            best, best_value = arm, sign * value
    return best


def value_of(arm: Arm, metric: str) -> float | None:
    """The arm's value of that metric; None where it has none."""
    estimate = arm.metrics.get(metric)
    return None if estimate is None else estimate.value


def best_llm(run: Run) -> Arm | None:
    """The LLM arm with the best main metric."""
    return best_arm(run, [arm for arm in run.arms if arm.llm])


def best_without_llm(run: Run) -> Arm | None:
    """The arm without an LLM with the best main metric."""
    return best_arm(run, [arm for arm in run.arms if not arm.llm])


def embedding_arm(run: Run) -> Arm | None:
    """The embedding baseline: the best of the arms that are named after embeddings alone."""
    named = [arm for arm in run.arms if not arm.llm and arm.name in {"embedding-max", "embedding-mean", "embedding"}]
    if not named:
        named = [arm for arm in run.arms if not arm.llm and "embedding" in arm.name]
    return best_arm(run, named)


def significance(difference: Difference | None, *, higher_is_better: bool) -> Outcome:
    """Which way a difference goes, if it is significant; the corrected p where there is one."""
    if difference is None or difference.value is None:
        return "none"
    p = difference.p if difference.p_holm is None else difference.p_holm
    if p is None or p >= SIGNIFICANT or difference.value == 0:
        return "unclear"
    return "better" if (difference.value > 0) == higher_is_better else "worse"


def verdict_of(run: Run) -> Verdict:
    """Whether the LLM is worth it on this run's data."""
    llm, rival = best_llm(run), best_without_llm(run)
    if llm is None:
        return Verdict(outcome="none", sentence=_without_llm(run, rival), details=_power(run, rival))
    if rival is None:
        sentence = f"No arm without an LLM to compare with: the best arm is {_arm_value(run, llm)}."
        return Verdict(outcome="none", sentence=sentence, details=())
    difference = llm.against.get(rival.name)
    outcome = significance(difference, higher_is_better=run.higher_is_better.get(run.metric, True))
    return Verdict(
        outcome=outcome,
        sentence=_sentence(run, llm, rival, difference, outcome),
        details=(*_embedding(run, llm, rival), *_power(run, llm)),
    )


def _sentence(run: Run, llm: Arm, rival: Arm, difference: Difference | None, outcome: Outcome) -> str:
    both = f"the best arm without an LLM, {_arm_value(run, rival)}"
    change = _change(run, difference)
    best = f"the best LLM arm, {_arm_value(run, llm)},"
    if outcome == "better":
        return f"The LLM is worth it here: {best} is significantly better than {both}: {change}."
    if outcome == "worse":
        return f"Not worth it here: {best} is significantly worse than {both}: {change}."
    if outcome == "unclear":
        return f"Not shown to be worth it here: {best} does not differ significantly from {both}: {change}."
    return f"Undecided: the difference between {_arm_value(run, llm)} and {both} is undefined."


def _without_llm(run: Run, best: Arm | None) -> str:
    if best is None:
        return f"No arm has a value of {metric_name(run.metric)}."
    return f"No LLM arm in this run: the best arm is {_arm_value(run, best)}."


def _embedding(run: Run, llm: Arm, rival: Arm) -> tuple[str, ...]:
    embedding = embedding_arm(run)
    if embedding is None:
        return ("The run has no embedding baseline.",)
    if embedding is rival:
        return ("That is the embedding baseline.",)
    difference = llm.against.get(embedding.name)
    words = {
        "better": "significantly better",
        "worse": "significantly worse",
        "unclear": "not significantly different",
        "none": "undefined",
    }[significance(difference, higher_is_better=run.higher_is_better.get(run.metric, True))]
    return (f"Against the embedding baseline, {_arm_value(run, embedding)}: {words}, {_change(run, difference)}.",)


def _power(run: Run, arm: Arm | None) -> tuple[str, ...]:
    differences = [] if arm is None else [*arm.against.values(), *arm.differences.values()]
    known = [found for found in differences if found.detectable is not None]
    if not known:
        return ()
    smallest = shown(run.metric, known[0].detectable)
    return (f"{known[0].n} cases can show a difference of about {smallest} or more.",)


def _arm_value(run: Run, arm: Arm) -> str:
    return f"{arm.name} ({metric_name(run.metric)} {shown(run.metric, value_of(arm, run.metric))})"


def _change(run: Run, difference: Difference | None) -> str:
    if difference is None or difference.value is None:
        return signed(run.metric, None)
    p = difference.p if difference.p_holm is None else difference.p_holm
    # An interval that excludes 0 can stand beside a corrected p above 0.05: the reader must see why.
    n, arms = _corrected_over(run, difference)
    corrected = f" corrected over {n} {arms}" if n > 1 and difference.p_holm is not None else ""
    return f"{difference_text(run.metric, difference)}, p {_equals(p_text(p))}{corrected}"


def _corrected_over(run: Run, difference: Difference) -> tuple[int, str]:
    """How many tests the corrected p is of, and of what: see `rivals.with_rivals`."""
    if difference.to != run.baseline:
        return sum(1 for arm in run.arms if arm.llm), "LLM arms"
    tested = (arm.differences.get(run.metric) for arm in run.arms)
    return sum(1 for found in tested if found is not None and found.p is not None), "arms"


def _equals(text: str) -> str:
    return text.replace("<", "< ") if text.startswith("<") else f"= {text}"
