"""The token budget: how many demonstrations and past items fit. Pure arithmetic over a measuring function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from prompts.types import TokenBudget

MARKUP_PER_TURN = 8
"""Tokens by which a chat template surrounds a turn; an upper estimate, since the markup is the engine's."""
DEFAULT_SYSTEM = 24
"""Tokens of the system turn that some chat templates add when a prompt has none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """How much of a context a prompt shows: its latest past items and its first demonstrations."""

    history: int
    demonstrations: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """The texts of a prompt that count against the budget."""

    shared: str
    """Everything but the candidate, of all turns."""
    branch_tokens: int
    """Tokens of the longest candidate."""
    turns: int
    has_system: bool

    def tokens(self, budget: TokenBudget) -> int:
        """Tokens of the prompt with its longest candidate, chat markup included (as an upper estimate)."""
        markup = MARKUP_PER_TURN * self.turns + (0 if self.has_system else DEFAULT_SYSTEM)
        return budget.count_tokens(self.shared) + self.branch_tokens + markup


def most_that_fits(whole: Kept, fits: Callable[[Kept], bool]) -> Kept | None:
    """The fullest prompt that fits, or None if not even an empty one does.

    Oldest past items go first, down to the latest one; then demonstrations, the last ones first; then the latest past
    item. Room left by a dropped demonstration is given back to the history. Asks `fits` O(log n) times.
    """
    if fits(whole):
        return whole
    latest = min(1, whole.history)
    demonstrations = largest(whole.demonstrations, lambda n: fits(Kept(history=latest, demonstrations=n)))
    if demonstrations is None:
        empty = Kept(history=0, demonstrations=0)
        return empty if fits(empty) else None
    more = largest(whole.history - latest, lambda n: fits(Kept(history=latest + n, demonstrations=demonstrations)))
    return Kept(history=latest + (more or 0), demonstrations=demonstrations)


def largest(limit: int, fits: Callable[[int], bool]) -> int | None:
    """The largest n in 0..limit that fits, if what fits is everything up to some n; None if 0 does not fit."""
    if not fits(0):
        return None
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low
