"""Outcomes made by hand."""

from __future__ import annotations

from evaluation.types import FULL, Contract, LlmTrace, Outcome, Ranked


def outcome(
    case_id: str = "c1",
    *,
    arm: str = "a",
    rank: int | None = 1,
    target: str | None = "t",
    order: tuple[str, ...] = (),
    scenario: str = FULL,
    tags: tuple[str, ...] = (),
    position: int | None = None,
    n_candidates: int = 20,
    contract: Contract | None = None,
    llm: LlmTrace | None = None,
    seconds: float = 0.0,
) -> Outcome:
    return Outcome(
        arm=arm,
        case_id=case_id,
        scenario=scenario,
        tags=tags,
        n_history=3,
        n_candidates=n_candidates,
        order=order,
        rank=rank,
        target=target,
        target_position=position,
        label=None,
        score=None,
        ranked=Ranked(scores=(), contract=contract or Contract(), llm=llm, seconds=seconds),
    )


def labelled(case_id: str, label: float | None, score: float | None, *, arm: str = "a") -> Outcome:
    return Outcome(
        arm=arm,
        case_id=case_id,
        scenario=FULL,
        tags=(),
        n_history=3,
        n_candidates=1,
        order=("i",),
        rank=None,
        target=None,
        target_position=None,
        label=label,
        score=score,
        ranked=Ranked(scores=(0.0,)),
    )


def trace(prompt_tokens: int) -> LlmTrace:
    return LlmTrace(
        prompt_digest="0" * 16,
        raw=(),
        llm_scores=(),
        prompt_tokens=prompt_tokens,
        parameters=1_000,
        history_shown=3,
        demonstrations_shown=0,
        dropped_history=0,
        dropped_demonstrations=0,
    )
