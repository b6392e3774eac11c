"""The strategies' names, and the settings of those that have any."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from retrieval.config import Section

StrategyName: TypeAlias = Literal[
    "graded", "likelihood", "listwise", "listwise-logits", "pairwise", "pairwise-sort", "setwise", "yes-no"
]


class YesNoSettings(Section):
    """What a yes-or-no answer is compared with."""

    calibration: Literal["none", "item", "user"] = "none"
    """item: the answer for a made-up item without content is taken off, which makes scores of different users
    comparable and changes no order. user: the answer for the same item and a user of whom nothing is known is taken
    off, so that what the model says of an item to anybody does not count; asks twice."""


class SetwiseSettings(Section):
    """The tournament of multiple choices."""

    size: int = Field(default=10, ge=2, le=10)
    """Candidates that a question shows at once."""
    top: int = Field(default=10, ge=1, le=1000)
    """Places of the list that are decided; the candidates left over keep the order they were given in."""


class WindowSettings(Section):
    """The window that a listwise strategy reads a long list through, from its end to its start."""

    size: int = Field(default=20, ge=2, le=100)
    """Candidates seen at once. A list that is no longer is read as it is."""
    step: int = Field(default=10, ge=1, le=100)
    """Places by which the window moves; at most its size. What stands among the best size - step moves on with it."""
    passes: int = Field(default=1, ge=1, le=10)
    """How often the whole list is gone through."""
