"""The sentence that a run comes to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from evaluation.report.types import Arm, Difference, Estimate, Run
from evaluation.report.verdict import verdict_of


def _arm(name: str, value: float | None, *, llm: bool = False, **against: Difference) -> Arm:
    rivals = {rival.replace("_", "-"): difference for rival, difference in against.items()}
    return Arm(name=name, llm=llm, n=200, metrics={"ndcg@10": Estimate(value=value, n=200)}, against=rivals)


def _difference(value: float | None, p: float | None) -> Difference:
    low, high = (None, None) if value is None else (value - 0.01, value + 0.01)
    return Difference(to="", value=value, low=low, high=high, p=p, p_holm=p, n=200, detectable=0.031)


def _run(*arms: Arm) -> Run:
    return Run(
        folder=Path("run"), name="run", dataset="games", digest="d", protocol=None, cases=200, cases_digest="c", seed=0,
        resamples=100, started=None, commit=None, dirty=False, hardware=None, versions={}, config={},
        metrics=("ndcg@10",), higher_is_better={"ndcg@10": True}, metric="ndcg@10", baseline=None,
        known_interactions=None, left_out={}, arms=arms, examples=None, has_costs=False,
    )  # fmt: skip


SIGNALS = _arm("signals", 0.697)
EMBEDDING = _arm("embedding-max", 0.53)


@pytest.mark.parametrize(
    ("value", "p", "outcome", "sentence"),
    [
        (0.015, 0.03, "better", ("The LLM is worth it here: the best LLM arm, tuned (NDCG@10 71.2), is significantly "
         "better than the best arm without an LLM, signals (NDCG@10 69.7): +1.5 (0.5 to 2.5), p = 0.030")),
        (0.004, 0.4, "unclear", ("Not shown to be worth it here: the best LLM arm, tuned (NDCG@10 71.2), does not "
         "differ significantly from the best arm without an LLM, signals (NDCG@10 69.7): "
         "+0.4 (−0.6 to 1.4), p = 0.400")),
        (-0.05, 0.0002, "worse", ("Not worth it here: the best LLM arm, tuned (NDCG@10 71.2), is significantly worse "
         "than the best arm without an LLM, signals (NDCG@10 69.7): −5.0 (−6.0 to −4.0), p < 0.001")),
    ],
)  # fmt: skip
def test_the_best_llm_arm_is_judged_against_the_best_without(
    value: float, p: float, outcome: str, sentence: str
) -> None:
    best = _arm("tuned", 0.712, llm=True, signals=_difference(value, p), embedding_max=_difference(0.18, 0.0001))
    verdict = verdict_of(_run(SIGNALS, EMBEDDING, _arm("zero-shot", 0.4, llm=True), best))
    assert (verdict.outcome, verdict.sentence) == (outcome, f"{sentence} corrected over 2 LLM arms.")
    assert verdict.details[0] == (
        "Against the embedding baseline, embedding-max (NDCG@10 53.0): significantly better, +18.0 (17.0 to 19.0), "
        "p < 0.001 corrected over 2 LLM arms."
    )
    assert verdict.details[1] == "200 cases can show a difference of about 3.1 or more."


def test_the_corrected_p_decides() -> None:
    difference = replace(_difference(0.015, 0.03), p_holm=0.09)
    verdict = verdict_of(_run(SIGNALS, _arm("tuned", 0.712, llm=True, signals=difference)))
    assert verdict.outcome == "unclear"
    assert "p = 0.090" in verdict.sentence
    assert verdict.details[0] == "The run has no embedding baseline."


def test_a_lower_error_is_better() -> None:
    run = replace(
        _run(SIGNALS, _arm("tuned", 0.6, llm=True, signals=_difference(-0.1, 0.001))),
        higher_is_better={"ndcg@10": False},
    )
    assert verdict_of(run).outcome == "better"


def test_missing_sides_are_said() -> None:
    assert verdict_of(_run(SIGNALS)).sentence == "No LLM arm in this run: the best arm is signals (NDCG@10 69.7)."
    only_llm = verdict_of(_run(_arm("tuned", 0.5, llm=True)))
    assert only_llm.sentence == "No arm without an LLM to compare with: the best arm is tuned (NDCG@10 50.0)."
    undefined = _arm("tuned", 0.5, llm=True, embedding_max=_difference(None, None))
    verdict = verdict_of(_run(EMBEDDING, undefined))
    assert verdict.outcome == "none"
    assert verdict.sentence.startswith("Undecided: the difference between")
    assert verdict.details[0] == "That is the embedding baseline."
