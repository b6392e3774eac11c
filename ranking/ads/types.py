"""What is shown for money beside a list."""

from __future__ import annotations

from dataclasses import dataclass

from retrieval.types import Item


@dataclass(frozen=True, kw_only=True, slots=True)
class Sponsored:
    """One entry that a campaign pays for. It is no part of the ranked list."""

    item: Item
    slot: int
    """Its place on the page, 1 is first, counted with the paid entries among the others."""
    campaign_id: str
    creative: str | None
    """The campaign's words; untrusted text."""
    probability: float
    """Calibrated chance that the user takes the item next."""
    price: int
    """Micro-units that are due for a click or for being shown, as the settings say; never more than the bid."""
    currency: str
    reason: str
    """That it is paid for, and why this one."""
