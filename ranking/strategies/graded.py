"""Pointwise graded: which grade the model would give each candidate, on average."""

from __future__ import annotations

import math
from collections.abc import Sequence

from prompts.render import render
from prompts.template import Template
from prompts.types import PromptContext, TokenBudget
from ranking.protocol import Engine
from ranking.strategies.verdict import check_kind, logits_of, pointwise
from ranking.types import StrategyScores


class Graded:
    """Score = expected grade, sum over the grades g = 1..G of g * P(g), P being the softmax over the grades' logits.

    Between 1 and the number of grades (5 in the shipped template). Reference: Zhuang et al., "Beyond Yes and No:
    Improving Zero-Shot LLM Rankers via Scoring Fine-Grained Relevance Labels" (NAACL 2024), expected relevance values.
    """

    name = "graded"

    def __init__(self, engine: Engine, template: Template, max_tokens: int) -> None:
        check_kind(template, "graded", self.name)
        self._engine = engine
        self._template = template
        self._budget = TokenBudget(max_tokens=max_tokens, count_tokens=engine.count_tokens)

    async def score(self, contexts: Sequence[PromptContext]) -> list[StrategyScores]:
        """One verdict per context, in order. Scores are grades; equal ones are equal."""
        prompts = [render(self._template, c, self._budget, self._engine.control_tokens) for c in contexts]
        results = await self._engine.score(prompts)
        return [
            pointwise(prompt, result, [_expected(logits_of(branch)) for branch in result.branches])
            for prompt, result in zip(prompts, results, strict=True)
        ]


def _expected(logits: Sequence[float]) -> float:
    highest = max(logits)
    weights = [math.exp(logit - highest) for logit in logits]
    return sum(grade * weight for grade, weight in enumerate(weights, start=1)) / sum(weights)
