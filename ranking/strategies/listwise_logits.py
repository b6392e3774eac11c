"""Listwise by first-token logits: all candidates as options of one question, ranked by how likely each letter is.

Reference: Reddy et al., "FIRST: Faster Improved Listwise Reranking with Single Token Decoding" (EMNLP 2024).
"""

from __future__ import annotations

from ranking.strategies.choice import Game, Rules


def logits_rules(longest: int) -> Rules:
    """The strategy for up to that many candidates at once, one option of the template for each."""
    return Rules(name="listwise-logits", size=longest, game=first_token, longest=longest)


def first_token(n: int) -> Game:
    """One question. Score = log-probability of the candidate's letter among the letters; equal ones are equal."""
    if n < 2:
        return (0.0,) * n
    [shares] = yield [tuple(range(n))]
    return shares
