"""What arranging a list says of what it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ranking.arrangement.change import Change, ChangeKind
from ranking.types import RankedItem
from retrieval.protocol import Vectors


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """Something that was done to an item, whether or not it moved it."""

    kind: ChangeKind
    told: str
    rule: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Weighed:
    """A ranked item with what speaks for and against it beside its ranking."""

    ranked: RankedItem
    """With the score that it is arranged by, and that score's terms."""
    before: int
    """Its rank by ranking alone."""
    causes: tuple[Cause, ...] = ()

    @property
    def item_id(self) -> str:
        """The item's id."""
        return self.ranked.item.item_id


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What arranging goes by that ranking does not know; empty where the settings do not ask for it."""

    vectors: Mapping[str, Vectors]
    """Unit vectors of candidates and of the user's latest items, shape (dimension,), by item id."""
    shown: Mapping[str, int]
    """In how many lists the user was shown each item lately."""
    exposures: Mapping[str, int]
    """In how many lists anybody was shown each item lately."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Arranged:
    """A list as it is shown."""

    items: tuple[RankedItem, ...]
    changes: tuple[Change, ...] = ()
    """Of the items whose place changed, those in the list first, in its order."""
    notes: tuple[str, ...] = ()
