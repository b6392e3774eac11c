"""Pointwise yes/no: how much rather the model would answer Yes than No for each candidate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from prompts.render import render, render_unconditional
from prompts.template import Template
from prompts.types import Prompt, PromptContext, TokenBudget
from ranking.protocol import Engine
from ranking.strategies.config import YesNoSettings
from ranking.strategies.verdict import check_kind, logits_of, pointwise, with_prior
from ranking.types import BranchScore, PromptScores, StrategyScores

_CONTENT_FREE = (" N/A", " [MASK]")
"""Stand for an item of which nothing is known; the mean of their margins is taken off."""


class YesNo:
    """Score = logit of the affirmative label minus logit of the other, after each candidate's question.

    With calibration the same difference is taken off that the model shows when the question has no content: for an item
    without content, or for a user without history. Reference: Zhao et al., "Calibrate Before Use: Improving Few-Shot
    Performance of Language Models" (ICML 2021), here on the margin of the two logits.
    """

    name = "yes-no"

    def __init__(
        self, engine: Engine, template: Template, max_tokens: int, settings: YesNoSettings | None = None
    ) -> None:
        """Without settings nothing is calibrated. Raises ConfigError for a template of another kind."""
        check_kind(template, "yes-no", self.name)
        self._engine = engine
        self._template = template
        self._budget = TokenBudget(max_tokens=max_tokens, count_tokens=engine.count_tokens)
        self._calibration = "none" if settings is None else settings.calibration

    async def score(self, contexts: Sequence[PromptContext]) -> list[StrategyScores]:
        """One verdict per context, in order. Scores are differences of logits, unbounded, 0 is undecided."""
        control = self._engine.control_tokens
        prompts = [render(self._template, context, self._budget, control) for context in contexts]
        if self._calibration == "item":
            asked = [replace(prompt, branches=prompt.branches + _CONTENT_FREE) for prompt in prompts]
            results = await self._engine.score(asked)
            return [_for_item(prompt, result) for prompt, result in zip(prompts, results, strict=True)]
        if self._calibration == "user":
            bases = [render_unconditional(self._template, context, self._budget, control) for context in contexts]
            results = await self._engine.score([*prompts, *bases])
            halves = zip(prompts, results[: len(prompts)], results[len(prompts) :], strict=True)
            return [_for_user(prompt, result, base) for prompt, result, base in halves]
        results = await self._engine.score(prompts)
        return [pointwise(p, r, margins(r.branches)) for p, r in zip(prompts, results, strict=True)]


def margins(branches: Sequence[BranchScore]) -> list[float]:
    """Logit of the affirmative label minus that of the other, for each branch."""
    pairs = [logits_of(branch) for branch in branches]
    return [affirmative - other for affirmative, other in pairs]


def _for_item(prompt: Prompt, result: PromptScores) -> StrategyScores:
    n = len(prompt.branches)
    found = margins(result.branches)
    prior = fmean(found[n:])
    verdict = pointwise(prompt, result, [margin - prior for margin in found[:n]])
    return replace(verdict, branches=result.branches[:n])


def _for_user(prompt: Prompt, result: PromptScores, base: PromptScores) -> StrategyScores:
    priors = margins(base.branches)
    scores = [margin - prior for margin, prior in zip(margins(result.branches), priors, strict=True)]
    return with_prior(pointwise(prompt, result, scores), base)
