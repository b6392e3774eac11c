"""Setwise: a tournament of multiple choices, until the best k places are decided.

Reference: Zhuang et al., "A Setwise Approach for Effective and Highly Efficient Zero-shot Ranking with Large Language
Models" (SIGIR 2024). A tournament takes the place of the heap: its first matches need no answer of each other, so they
are asked in one round.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

from ranking.strategies.choice import Game, Group, Rules, Shares
from ranking.strategies.config import SetwiseSettings
from ranking.strategies.verdict import scores_of_order

Levels: TypeAlias = list[list[int | None]]
"""Who stands at each node of the tree, level by level from the candidates up; None where nobody is left."""


def setwise_rules(settings: SetwiseSettings) -> Rules:
    """The strategy with these settings."""
    return Rules(name="setwise", size=settings.size, game=lambda n: tournament(n, settings.size, settings.top))


def tournament(n: int, size: int, top: int) -> Game:
    """The best of every `size` neighbours meet the best of the next ones, up to one winner; then again without it.

    Only matches that lost their winner are played again. Of even options the earlier one wins. Scores are n for the
    first place down to 1 for the last; behind the `top` winners the others keep the order they were given in.
    """
    levels: Levels = [list(range(n))]
    while len(levels[-1]) > 1:
        below = levels[-1]
        matches = [_present(below[start : start + size]) for start in range(0, len(below), size)]
        shares = iter((yield asked) if (asked := [match for match in matches if len(match) > 1]) else ())
        levels.append([_best(match, next(shares)) if len(match) > 1 else match[0] for match in matches])
    placed: list[int] = []
    while len(placed) < min(top, n):
        winner = levels[-1][0]
        if winner is None:
            break
        placed.append(winner)
        if len(placed) < min(top, n):
            yield from _replayed(levels, winner, size)
    rest = [index for index in range(n) if index not in placed]
    return scores_of_order(placed + rest)


def _replayed(levels: Levels, gone: int, size: int) -> Game:
    """Plays the matches on the way from a candidate that is taken out up to the top."""
    place = gone
    levels[0][place] = None
    for below, above in pairwise(levels):
        place //= size
        match = _present(below[place * size : (place + 1) * size])
        if len(match) > 1:
            [shares] = yield [match]
            above[place] = _best(match, shares)
        else:
            above[place] = match[0] if match else None
    return ()


def _present(nodes: Sequence[int | None]) -> Group:
    return tuple(node for node in nodes if node is not None)


def _best(match: Group, shares: Shares) -> int:
    return match[max(range(len(match)), key=lambda option: (shares[option], -option))]
