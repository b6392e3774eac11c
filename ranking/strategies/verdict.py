"""What all strategies have in common: answers taken from branches, orders made scores, and what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from prompts.template import Template
from prompts.types import Dropped, Prompt
from ranking.errors import ConfigError, EngineError
from ranking.types import BranchScore, PromptScores, StrategyScores


def check_kind(template: Template, kind: str, strategy: str) -> None:
    """Raises ConfigError for a template that is made for another kind of question."""
    if template.kind != kind:
        raise ConfigError(f"template {template.name!r} is made for {template.kind!r}, not for {strategy}")


def logits_of(branch: BranchScore) -> tuple[float, ...]:
    """The logits of a branch's labels. Raises EngineError if there are none."""
    if branch.label_logits is None:
        raise EngineError("the engine returned no label logits for a prompt with labels")
    return branch.label_logits


def tokens_read(result: PromptScores) -> int:
    """Tokens of a prompt's shared part and of all its branches."""
    return result.prefix_tokens + sum(branch.n_tokens for branch in result.branches)


def pointwise(prompt: Prompt, result: PromptScores, scores: Sequence[float]) -> StrategyScores:
    """The verdict of a strategy that asks about each candidate by itself, once."""
    return StrategyScores(
        scores=tuple(scores),
        branches=result.branches,
        prompt_digest=prompt.digest,
        template=prompt.template,
        dropped=prompt.dropped,
        prompt_tokens=tokens_read(result),
        model_calls=1,
    )


def with_prior(verdict: StrategyScores, prior: PromptScores) -> StrategyScores:
    """The verdict with what it cost to ask the model without the user too."""
    return replace(
        verdict, prompt_tokens=verdict.prompt_tokens + tokens_read(prior), model_calls=verdict.model_calls + 1
    )


def scores_of_order(order: Sequence[int]) -> tuple[float, ...]:
    """Scores for n candidates whose places (from 0) are given best first: n for the first down to 1 for the last."""
    scores = [0.0] * len(order)
    for place, index in enumerate(order):
        scores[index] = float(len(order) - place)
    return tuple(scores)


def most_dropped(parts: Sequence[Dropped]) -> Dropped:
    """What the worst of several prompts had to leave out."""
    return Dropped(
        history=max(part.history for part in parts),
        demonstrations=max(part.demonstrations for part in parts),
        clipped=max(part.clipped for part in parts),
        neutralised=max(part.neutralised for part in parts),
        summarised=max(part.summarised for part in parts),
    )
