"""What the record keeps of things shown for money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Pays: TypeAlias = Literal["impression", "click"]
"""What the price is due for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """A campaign that bids for a place, before it is booked."""

    campaign_id: str
    item_id: str
    probability: float
    price: int
    """Micro-units that one charge will be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AdShow:
    """One campaign shown in one list."""

    request_id: str
    campaign_id: str
    user_id: str | None
    """None for a stranger."""
    item_id: str
    day: int
    """Days since 1970, UTC."""
    place: int
    """In the list, 1 is first."""
    probability: float
    price: int
    pays: Pays
    shown_at: float
    clicked_at: float | None
    charged: int
    """Micro-units; 0 where nothing was due yet, or the budget was used up when it was."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """What a campaign did on one day, or over several."""

    spent: int = 0
    """Micro-units."""
    shown: int = 0
    clicked: int = 0
    uncharged: int = 0
    """Clicks that came when the day's budget was used up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Today:
    """What an auction must know of a day so far, by campaign; those without anything are absent."""

    spent: Mapping[str, int]
    """Micro-units that were charged."""
    shown: Mapping[str, int]
    """How often the user was shown it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """Days from the first to the last, both included; days since 1970, UTC."""

    first: int
    last: int
