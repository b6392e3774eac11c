"""A window that slides over a long list, so that a strategy which sees all candidates at once can rank any number.

Reference: Sun et al., "Is ChatGPT Good at Search? Investigating Large Language Models as Re-Ranking Agents" (EMNLP
2023).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

from prompts.types import PromptContext
from ranking.errors import ConfigError
from ranking.protocol import Strategy
from ranking.strategies.config import WindowSettings
from ranking.strategies.verdict import most_dropped, scores_of_order
from ranking.types import StrategyScores

Span: TypeAlias = tuple[int, int]
"""First place of a window (from 0) and the one behind its last."""


class Windowed:
    """Implements ranking.protocol.Strategy over one that sees several candidates at once.

    A list no longer than the window is handed on as it is. Else the window starts at the list's end, its candidates are
    put in the strategy's order (equal ones stay as they stand), and it moves towards the start; with several passes the
    list is gone through as often. Scores are then n for the first place down to 1 for the last.
    """

    def __init__(self, strategy: Strategy, settings: WindowSettings) -> None:
        """Raises ConfigError for a step that is longer than the window, which would pass over candidates."""
        if settings.step > settings.size:
            raise ConfigError(
                f"windows.step is {settings.step}, it must not be more than windows.size, {settings.size}"
            )
        self.name = strategy.name
        self._strategy = strategy
        self._settings = settings

    async def score(self, contexts: Sequence[PromptContext]) -> list[StrategyScores]:
        """One verdict per context, in order; the n-th windows of all contexts go to the strategy together."""
        readings = [_Reading(context, self._spans(len(context.candidates))) for context in contexts]
        for place in range(max((len(reading.spans) for reading in readings), default=0)):
            moving = [reading for reading in readings if place < len(reading.spans)]
            verdicts = await self._strategy.score([reading.window(place) for reading in moving])
            for reading, verdict in zip(moving, verdicts, strict=True):
                reading.read(place, verdict)
        return [reading.verdict() for reading in readings]

    def _spans(self, n: int) -> list[Span]:
        size, step = self._settings.size, self._settings.step
        return [(0, n)] if n <= size else spans(n, size, step) * self._settings.passes


def spans(n: int, size: int, step: int) -> list[Span]:
    """The windows of one pass over n > size candidates, from the end of the list to its start; the last is at 0."""
    starts = [*range(n - size, 0, -step), 0]
    return [(start, start + size) for start in starts]


class _Reading:
    """One context's list, and what was said of its windows."""

    def __init__(self, context: PromptContext, places: Sequence[Span]) -> None:
        self.context = context
        self.spans = places
        self._order = list(range(len(context.candidates)))
        self._verdicts: list[StrategyScores] = []

    def window(self, place: int) -> PromptContext:
        start, stop = self.spans[place]
        shown = tuple(self.context.candidates[index] for index in self._order[start:stop])
        return replace(self.context, candidates=shown)

    def read(self, place: int, verdict: StrategyScores) -> None:
        start, stop = self.spans[place]
        ranked = sorted(range(stop - start), key=lambda index: -verdict.scores[index])
        self._order[start:stop] = [self._order[start + index] for index in ranked]
        self._verdicts.append(verdict)

    def verdict(self) -> StrategyScores:
        parts = self._verdicts
        if len(self.spans) == 1:
            return parts[0]
        agreements = [part.agreement for part in parts if part.agreement is not None]
        return StrategyScores(
            scores=scores_of_order(self._order),
            branches=None,
            prompt_digest=parts[0].prompt_digest,
            template=parts[0].template,
            dropped=most_dropped([part.dropped for part in parts]),
            prompt_tokens=sum(part.prompt_tokens for part in parts),
            model_calls=sum(part.model_calls for part in parts),
            completion_tokens=sum(part.completion_tokens for part in parts),
            outputs=tuple(output for part in parts for output in part.outputs),
            agreement=sum(agreements) / len(agreements) if agreements else None,
        )
