"""What making cases assumes of retrieval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from retrieval.types import PastItem


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """What retrieval is told of one case. It never learns the target."""

    user_id: str | None
    history: tuple[PastItem, ...]
    """As the case shows it, oldest first; cut where the scenario cuts it."""
    exclude: frozenset[str] = frozenset()
    """Ids that must not come back, beside the history's: what the scenario hid from a user who has seen it."""
    domain: str | None = None
    """Only items of this domain; None for all."""
    depth: int = 50
    as_of: float | None = None
    """The moment of the request in Unix seconds, later than the history's; None for after all that is known."""


class Retrieve(Protocol):
    """Candidates as served."""

    def __call__(self, ask: Ask) -> tuple[str, ...]:
        """At most `depth` distinct item ids that are neither in the history nor excluded, best first."""
