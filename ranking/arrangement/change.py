"""Why items stand where they do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

ChangeKind: TypeAlias = Literal[
    "pin", "boost", "bury", "block", "minimum", "cap", "age", "seen", "duplicate", "diversity", "fresh", "explore"
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """Why an item stands elsewhere than its score alone would put it, or is left out."""

    item_id: str
    title: str
    kind: ChangeKind
    rule: str | None
    """The rule's name; None for what is no rule of the operator's."""
    before: int | None
    """Its rank by ranking alone."""
    after: int | None
    """Its place in the list; None where it is left out."""
    told: str
    """What was done, in words."""
