"""An arm's outcomes as compact columns, added one at a time in flat memory."""

from __future__ import annotations

from evaluation.types import Outcome


class Keys:
    """Numbers for the strings that all arms of a run share: case ids, scenarios, tags and item ids."""

    def __init__(self, *, top: int = 10) -> None:
        """`top` is how many items of every order are kept."""
        self.top = top


class ArmColumns:
    """One arm's outcomes. Arms that are compared share their Keys."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys

    def add(self, outcome: Outcome) -> None:
        """Take one line of the journal, in any order. A case that comes twice is told when the columns are read."""
        raise NotImplementedError(outcome)
