"""Strategies made of multiple-choice questions: each is a game played in rounds, and all contexts play at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from prompts.choices import render_choices
from prompts.template import Template
from prompts.types import Dropped, Prompt, PromptContext, TokenBudget
from ranking.errors import ConfigError
from ranking.protocol import Engine
from ranking.strategies.verdict import check_kind, logits_of, most_dropped, tokens_read
from ranking.types import PromptScores, StrategyScores

Group: TypeAlias = tuple[int, ...]
"""Places of candidates (from 0) shown together, in the order shown; two or more."""
Shares: TypeAlias = tuple[float, ...]
"""Log-probability of each of a group's options, in its order; the probabilities sum to 1."""
Game: TypeAlias = Generator[Sequence[Group], Sequence[Shares], tuple[float, ...]]
"""Asks about groups, one round at a time, gets their shares in order, and returns one score per candidate."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What a strategy of multiple choices is, apart from the engine."""

    name: str
    size: int
    """Most candidates in a group."""
    game: Callable[[int], Game]
    """The game for that many candidates."""
    longest: int | None = None
    """Most candidates of a context; None is any number."""


class Choice:
    """Implements ranking.protocol.Strategy by the rules of a game of multiple choices.

    A round of a context is one prompt with a branch per group, and the rounds of all contexts go to the engine
    together. A context with less than two candidates needs no question.
    """

    def __init__(self, engine: Engine, template: Template, max_tokens: int, rules: Rules) -> None:
        """Raises ConfigError for a template of another kind, or with fewer options than a group has candidates."""
        check_kind(template, "choice", rules.name)
        options = template.sections.options
        if options is None or len(options.labels) < rules.size:
            raise ConfigError(f"template {template.name!r} has fewer options than {rules.name} shows, {rules.size}")
        self.name = rules.name
        self._rules = rules
        self._engine = engine
        self._template = template
        self._budget = TokenBudget(max_tokens=max_tokens, count_tokens=engine.count_tokens)

    async def score(self, contexts: Sequence[PromptContext]) -> list[StrategyScores]:
        """One verdict per context, in order. Raises ConfigError for more candidates than the rules allow."""
        plays = [self._started(context) for context in contexts]
        while asking := [play for play in plays if play.groups]:
            prompts = [self._prompt(play.context, play.groups) for play in asking]
            results = await self._engine.score(prompts)
            for play, prompt, result in zip(asking, prompts, results, strict=True):
                play.answered(prompt, result)
        return [self._verdict(play) for play in plays]

    def first_prompt(self, context: PromptContext) -> Prompt:
        """The prompt of the first round, for people to read."""
        return self._prompt(context, self._started(context).groups)

    def _started(self, context: PromptContext) -> _Play:
        n = len(context.candidates)
        if self._rules.longest is not None and n > self._rules.longest:
            raise ConfigError(f"{self.name} can show {self._rules.longest} candidates, not {n}; read through a window")
        play = _Play(context=context, game=self._rules.game(n))
        play.start()
        return play

    def _prompt(self, context: PromptContext, groups: Sequence[Group]) -> Prompt:
        size = min(self._rules.size, len(context.candidates))
        return render_choices(self._template, context, groups, size, self._budget, self._engine.control_tokens)

    def _verdict(self, play: _Play) -> StrategyScores:
        prompts = play.prompts or [self._prompt(play.context, ())]
        return StrategyScores(
            scores=play.scores,
            branches=None,
            prompt_digest=prompts[0].digest,
            template=prompts[0].template,
            dropped=most_dropped([prompt.dropped for prompt in prompts]) if play.prompts else Dropped(),
            prompt_tokens=play.tokens,
            model_calls=len(play.prompts),
        )


@dataclass(kw_only=True, slots=True)
class _Play:
    """One context's game, and what it cost so far. `groups` is what is asked now; empty when the game is over."""

    context: PromptContext
    game: Game
    groups: Sequence[Group] = ()
    scores: tuple[float, ...] = ()
    prompts: list[Prompt] = field(default_factory=list)
    tokens: int = 0

    def start(self) -> None:
        self._advance(None)

    def answered(self, prompt: Prompt, result: PromptScores) -> None:
        self.prompts.append(prompt)
        self.tokens += tokens_read(result)
        shares = [
            _shares(logits_of(branch)[: len(group)]) for group, branch in zip(self.groups, result.branches, strict=True)
        ]
        self._advance(shares)

    def _advance(self, shares: Sequence[Shares] | None) -> None:
        try:
            self.groups = next(self.game) if shares is None else self.game.send(shares)
        except StopIteration as over:
            self.groups, self.scores = (), over.value


def _shares(logits: Sequence[float]) -> Shares:
    highest = max(logits)
    total = highest + math.log(sum(math.exp(logit - highest) for logit in logits))
    return tuple(logit - total for logit in logits)
