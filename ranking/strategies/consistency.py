"""Permutation self-consistency: the same question with the candidates in several orders, and one answer of all.

Reference: Tang et al., "Found in the Middle: Permutation Self-Consistency Improves Listwise Ranking in Large Language
Models" (NAACL 2024).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from prompts.types import PromptContext
from ranking.protocol import Strategy
from ranking.settings import ConsistencySettings
from ranking.types import StrategyScores

_RRF_K = 60
"""Cormack et al., "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods" (SIGIR 2009)."""
_DRAWS = 100
"""Draws for an order that was not shown yet, where few orders exist."""

Wins: TypeAlias = npt.NDArray[np.float64]
"""Shape (rounds, n, n): 1 where the round puts the row's candidate before the column's, -1 behind it, 0 for a tie."""


class Consistent:
    """Implements ranking.protocol.Strategy over one that sees several candidates at once.

    Every round shows the candidates in another order, so what a model prefers for its place cancels out. Borda: the
    score is the mean number of candidates put behind it, ties counting half. RRF: the mean of 1 / (60 + rank), tied
    candidates sharing their mean rank. A round that said nothing is one tie.

    `agreement` is the mean of Kendall's tau (concordant minus discordant pairs, over all pairs; a tie counts as
    neither) over all pairs of rounds: 1 where all rounds give one order, about 0 for chance, less where they contradict
    each other. None for less than two candidates.
    """

    def __init__(self, strategy: Strategy, settings: ConsistencySettings) -> None:
        self.name = f"{strategy.name}-consistency"
        self._strategy = strategy
        self._settings = settings

    async def score(self, contexts: Sequence[PromptContext]) -> list[StrategyScores]:
        """One verdict per context, in order; all rounds of all contexts go to the strategy together."""
        shown = [orders(context, self._settings.rounds, self._settings.seed) for context in contexts]
        asked = [
            replace(context, candidates=tuple(context.candidates[index] for index in order))
            for context, rounds in zip(contexts, shown, strict=True)
            for order in rounds
        ]
        answers = iter(await self._strategy.score(asked))
        return [self._joined(rounds, [next(answers) for _ in rounds]) for rounds in shown]

    def _joined(self, rounds: Sequence[tuple[int, ...]], answers: Sequence[StrategyScores]) -> StrategyScores:
        wins = _wins(rounds, answers)
        first = answers[0]
        return StrategyScores(
            scores=tuple(_borda(wins) if self._settings.aggregate == "borda" else _rrf(wins)),
            branches=None,
            prompt_digest=first.prompt_digest,
            template=first.template,
            dropped=first.dropped,
            prompt_tokens=sum(answer.prompt_tokens for answer in answers),
            model_calls=sum(answer.model_calls for answer in answers),
            completion_tokens=sum(answer.completion_tokens for answer in answers),
            outputs=tuple(output for answer in answers for output in answer.outputs),
            agreement=_agreement(wins),
        )


def orders(context: PromptContext, rounds: int, seed: int) -> list[tuple[int, ...]]:
    """The orders in which a context's candidates (indexes from 0) are shown, one per round.

    Each second order is the one before it backwards, so that over an even number of rounds every candidate stands as
    early as late. The others are drawn from (seed, context, round) alone. They differ as long as there are orders left.
    """
    n = len(context.candidates)
    digest = _digest(context)
    found: list[tuple[int, ...]] = []
    while len(found) < rounds:
        key = f"{seed}|consistency|{digest}|{len(found)}"
        drawn = (_drawn(n, f"{key}|{attempt}") for attempt in range(_DRAWS))
        order = next((order for order in drawn if order not in found), _drawn(n, key))
        found += [order, order[::-1]]
    return found[:rounds]


def _drawn(n: int, key: str) -> tuple[int, ...]:
    draws = [sha256(f"{key}|{index}".encode()).digest() for index in range(n)]
    return tuple(sorted(range(n), key=draws.__getitem__))


def _digest(context: PromptContext) -> str:
    """Of what makes two requests different ones."""
    described = [
        None if context.user is None else context.user.user_id,
        context.query,
        [[past.item.item_id, past.timestamp, past.liked] for past in context.history],
        [item.item_id for item in context.candidates],
        [shot.demonstration_id for shot in context.demonstrations],
    ]
    return sha256(json.dumps(described).encode()).hexdigest()


def _wins(rounds: Sequence[tuple[int, ...]], answers: Sequence[StrategyScores]) -> Wins:
    n = len(rounds[0])
    scores = np.zeros((len(rounds), n))
    for row, order, answer in zip(scores, rounds, answers, strict=True):
        row[list(order)] = answer.scores
    return np.sign(scores[:, :, None] - scores[:, None, :])


def _borda(wins: Wins) -> list[float]:
    n = wins.shape[1]
    behind = (n - 1 + wins.sum(axis=2)) / 2
    return [float(value) for value in behind.mean(axis=0)]


def _rrf(wins: Wins) -> list[float]:
    n = wins.shape[1]
    ranks = (n + 1 - wins.sum(axis=2)) / 2
    return [float(value) for value in (1.0 / (_RRF_K + ranks)).mean(axis=0)]


def _agreement(wins: Wins) -> float | None:
    rounds, n, _ = wins.shape
    if n < 2 or rounds < 2:
        return None
    # (a + b + ...)^2 - (a^2 + b^2 + ...) is twice the sum of all products of two rounds; wins holds every pair twice.
    products = (wins.sum(axis=0) ** 2 - (wins**2).sum(axis=0)).sum()
    return float(products / (rounds * (rounds - 1)) / (n * (n - 1)))
