"""Pointwise yes/no: how much rather the model would answer Yes than No for each candidate."""

from __future__ import annotations

from collections.abc import Sequence

from prompts.render import render
from prompts.template import Template
from prompts.types import PromptContext, TokenBudget
from ranking.errors import ConfigError, EngineError
from ranking.protocol import Engine
from ranking.types import BranchScore, StrategyScores


class YesNo:
    """Score = logit of the affirmative label minus logit of the other, after each candidate's question."""

    name = "yes-no"

    def __init__(self, engine: Engine, template: Template, max_tokens: int) -> None:
        if template.kind != self.name:
            raise ConfigError(f"template {template.name!r} is made for {template.kind!r}, not for yes-no")
        self._engine = engine
        self._template = template
        self._budget = TokenBudget(max_tokens=max_tokens, count_tokens=engine.count_tokens)

    async def score(self, contexts: Sequence[PromptContext]) -> list[StrategyScores]:
        """One verdict per context, in order. Scores are differences of logits, unbounded, 0 is undecided."""
        prompts = [render(self._template, c, self._budget, self._engine.control_tokens) for c in contexts]
        scored = await self._engine.score(prompts)
        return [
            StrategyScores(
                scores=tuple(_margin(branch) for branch in result.branches),
                branches=result.branches,
                prompt_digest=prompt.digest,
                template=prompt.template,
                dropped=prompt.dropped,
                prompt_tokens=result.prefix_tokens + sum(branch.n_tokens for branch in result.branches),
                model_calls=1,
            )
            for prompt, result in zip(prompts, scored, strict=True)
        ]


def _margin(branch: BranchScore) -> float:
    if branch.label_logits is None:
        raise EngineError("the engine returned no label logits for a yes/no prompt")
    affirmative, other = branch.label_logits
    return affirmative - other
