"""What was done to a list, on the wire."""

from __future__ import annotations

from dataclasses import asdict

from ranking.arrangement.change import Change
from service.wire import Wire


class ChangeOut(Wire):
    """Why an item stands elsewhere than ranking alone would put it, or is left out."""

    item_id: str
    title: str
    kind: str
    """pin, boost, bury, block, minimum, cap, age, seen, duplicate, diversity, fresh or explore."""
    rule: str | None
    """The name of the operator's rule; null for what is none."""
    before: int | None
    """Its rank by ranking alone."""
    after: int | None
    """Its place in the list; null where it is left out."""
    told: str

    @classmethod
    def of(cls, change: Change) -> ChangeOut:
        """The wire shape."""
        return cls(**asdict(change))
