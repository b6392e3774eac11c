"""Pairwise: which of two candidates comes next, asked in both orders. All pairs, or a sorting network.

Reference: Qin et al., "Large Language Models are Effective Text Rankers with Pairwise Ranking Prompting" (Findings of
NAACL 2024), with the probabilities of the two answers in place of written ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import TypeAlias

from ranking.strategies.choice import Game, Group, Rules, Shares
from ranking.strategies.verdict import scores_of_order

_EVEN = 1e-9
"""Identical titles get 0.5 but for rounding."""

Layer: TypeAlias = tuple[tuple[int, int], ...]
"""Pairs of places (from 0) that are compared at the same time; no place comes twice."""


def all_pairs(n: int) -> Game:
    """Every candidate against every other, in both orders: n (n - 1) questions in one round.

    Score = mean over the others of the probability that this one is chosen, itself the mean over both orders: between 0
    and 1. Candidates with equal scores are equal.
    """
    if n < 2:
        return (0.0,) * n
    pairs = list(combinations(range(n), 2))
    shares = yield _both_orders(pairs)
    wins = [0.0] * n
    for (one, other), chance in zip(pairs, _chances(shares), strict=True):
        wins[one] += chance
        wins[other] += 1.0 - chance
    return tuple(value / (n - 1) for value in wins)


def sorted_by_pairs(n: int) -> Game:
    """Sorts with Batcher's odd-even merge network: which places are compared does not depend on the answers.

    Asks 2 * comparisons(n) questions, one round per layer of the network. A pair that is even keeps the order the
    candidates were given in. Scores are n for the first place down to 1 for the last.
    """
    order = list(range(n))
    for layer in network(n):
        pairs = [(order[low], order[high]) for low, high in layer]
        shares = yield _both_orders(pairs)
        for (low, high), chance in zip(layer, _chances(shares), strict=True):
            even = math.isclose(chance, 0.5, abs_tol=_EVEN)
            if order[low] > order[high] if even else chance < 0.5:
                order[low], order[high] = order[high], order[low]
    return scores_of_order(order)


def comparisons(n: int) -> int:
    """How many pairs `sorted_by_pairs` compares for n candidates."""
    return sum(len(layer) for layer in network(n))


def network(n: int) -> Iterator[Layer]:
    """The layers of Batcher's odd-even merge sort for n places; the lower place of a pair is to hold the better one.

    Reference: Knuth, The Art of Computer Programming, volume 3, algorithm 5.2.2M.
    """
    top = 1 << max(0, (n - 1).bit_length() - 1)
    p = top if n > 1 else 0
    while p > 0:
        q, r, d = top, 0, p
        while True:
            yield tuple((low, low + d) for low in range(n - d) if low & p == r)
            if q == p:
                break
            d, q, r = q - p, q // 2, p
        p //= 2


ALL_PAIRS = Rules(name="pairwise", size=2, game=all_pairs)
BY_SORTING = Rules(name="pairwise-sort", size=2, game=sorted_by_pairs)


def _both_orders(pairs: Sequence[tuple[int, int]]) -> list[Group]:
    return [group for one, other in pairs for group in ((one, other), (other, one))]


def _chances(shares: Sequence[Shares]) -> list[float]:
    """Of each pair, the probability that its first one is chosen, as the mean over both orders."""
    halves = zip(shares[::2], shares[1::2], strict=True)
    return [(math.exp(straight[0]) + math.exp(turned[1])) / 2 for straight, turned in halves]
