"""Title likelihood, per token, or relative to the title's unconditional likelihood (PMI)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from prompts.render import render, render_unconditional
from prompts.template import Template
from prompts.types import Prompt, PromptContext, TokenBudget
from ranking.errors import EngineError
from ranking.protocol import Engine
from ranking.settings import LikelihoodSettings
from ranking.strategies.verdict import check_kind, pointwise, with_prior
from ranking.types import BranchScore, PromptScores, StrategyScores


class Likelihood:
    """Score = (log P(title | user's context) - prior_removed * log P(title | same prompt without user)) / n_tokens.

    In nats; the division by the title's tokens is left out unless per_token. With prior_removed = 1 the difference is
    pointwise mutual information; with 0 the second term is not measured. That term does not depend on the user: it is
    measured once per title and remembered, so a warm call costs one forward pass. Reference: Holtzman et al., "Surface
    Form Competition" (EMNLP 2021), domain-conditional PMI.
    """

    name = "likelihood"

    def __init__(
        self,
        engine: Engine,
        template: Template,
        max_tokens: int,
        settings: LikelihoodSettings,
        *,
        remembered: int = 100_000,
    ) -> None:
        """`remembered` is how many titles' likelihoods are kept, the latest ones asked for."""
        check_kind(template, "likelihood", self.name)
        self._engine = engine
        self._template = template
        self._budget = TokenBudget(max_tokens=max_tokens, count_tokens=engine.count_tokens)
        self._settings = settings
        self._remembered = remembered
        self._unconditional: OrderedDict[tuple[str, str], float] = OrderedDict()

    async def score(self, contexts: Sequence[PromptContext]) -> list[StrategyScores]:
        """One verdict per context, in order. Scores are log-probabilities or their differences, in nats."""
        prompts = [render(self._template, c, self._budget, self._engine.control_tokens) for c in contexts]
        bases = [self._base(context) for context in contexts]
        # Looked up before the model is waited for: meanwhile other requests may have the memory forget them.
        known = self._known(bases)
        missing = [_without(base, known) for base in bases]
        asked = [prompt for prompt in missing if prompt.branches]
        scored = await self._engine.score([*prompts, *asked])
        priors = scored[len(prompts) :]
        known |= {
            _key(prompt, branch): _logprob(score)
            for prompt, result in zip(asked, priors, strict=True)
            for branch, score in zip(prompt.branches, result.branches, strict=True)
        }
        self._remember(known)
        verdicts = [
            pointwise(prompt, result, self._scores(base, result, known))
            for prompt, base, result in zip(prompts, bases, scored[: len(prompts)], strict=True)
        ]
        read = iter(priors)
        return [
            with_prior(verdict, next(read)) if gap.branches else verdict
            for verdict, gap in zip(verdicts, missing, strict=True)
        ]

    def _base(self, context: PromptContext) -> Prompt:
        """The same question without the user; without candidates where nothing is taken off."""
        asked = context if self._settings.prior_removed else replace(context, candidates=())
        return render_unconditional(self._template, asked, self._budget, self._engine.control_tokens)

    def _scores(self, base: Prompt, result: PromptScores, known: Mapping[tuple[str, str], float]) -> tuple[float, ...]:
        scores = [_logprob(branch) for branch in result.branches]
        if self._settings.prior_removed:
            priors = [known[key] for key in _keys(base)]
            scores = [value - self._settings.prior_removed * prior for value, prior in zip(scores, priors, strict=True)]
        if self._settings.per_token:
            scores = [value / max(branch.n_tokens, 1) for value, branch in zip(scores, result.branches, strict=True)]
        return tuple(scores)

    def _known(self, bases: Sequence[Prompt]) -> dict[tuple[str, str], float]:
        keys = (key for base in bases for key in _keys(base))
        return {key: value for key in keys if (value := self._recall(key)) is not None}

    def _recall(self, key: tuple[str, str]) -> float | None:
        if key in self._unconditional:
            self._unconditional.move_to_end(key)
        return self._unconditional.get(key)

    def _remember(self, values: dict[tuple[str, str], float]) -> None:
        self._unconditional.update(values)
        while len(self._unconditional) > self._remembered:
            self._unconditional.popitem(last=False)


def _key(prompt: Prompt, branch: str) -> tuple[str, str]:
    # The shared part can differ between domains, whose words the template puts in.
    return ("\n".join([*(message.content for message in prompt.messages), prompt.before]), branch)


def _keys(prompt: Prompt) -> list[tuple[str, str]]:
    shared = _key(prompt, "")[0]
    return [(shared, branch) for branch in prompt.branches]


def _without(base: Prompt, known: Mapping[tuple[str, str], float]) -> Prompt:
    unknown = (branch for branch, key in zip(base.branches, _keys(base), strict=True) if key not in known)
    return replace(base, branches=tuple(dict.fromkeys(unknown)))


def _logprob(branch: BranchScore) -> float:
    if branch.text_logprob is None:
        raise EngineError("the engine returned no likelihood for a likelihood prompt")
    return branch.text_logprob
