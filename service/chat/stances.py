"""What a cue says of the title or the pick beside it."""

from __future__ import annotations

from collections.abc import Set

from service.chat.lexicon import CueName
from service.chat.types import Stance

AHEAD: tuple[CueName, ...] = ("like", "love", "hate", "seen", "finished", "refuse")
"""Cues that stand before what they speak of."""
BEHIND: tuple[CueName, ...] = ("like_after", "love_after", "hate_after", "seen_after", "refuse_after")
"""Cues that stand after it."""
_STANCES: tuple[tuple[Stance, frozenset[CueName]], ...] = (
    ("hate", frozenset({"hate", "hate_after"})),
    ("seen", frozenset({"seen", "seen_after", "refuse", "refuse_after"})),
    ("like", frozenset({"like", "like_after"})),
    ("love", frozenset({"love", "love_after"})),
)


def stance_of(names: Set[CueName]) -> Stance:
    """The stance of a cue with these names; what was just finished is what something like is wanted."""
    return next((stance for stance, those in _STANCES if those & names), "like")
