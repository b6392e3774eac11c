"""The generalised second-price auction (Edelman, Ostrovsky and Schwarz, 2007; weighted by quality). Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from retrieval.record.ads.types import Offer


@dataclass(frozen=True, kw_only=True, slots=True)
class Bidder:
    """A campaign that may be shown to this user now."""

    campaign_id: str
    item_id: str
    probability: float
    """Calibrated chance that the user takes the item, above 0."""
    bid: int
    """Micro-units."""


def offers_of(bidders: Sequence[Bidder], n: int, reserve: int) -> list[Offer]:
    """The first n bidders (highest probability x bid first) with their prices, in order.

    Each pays what it would have had to bid to stand as high as the next one, rounded up to a whole micro-unit: at least
    the reserve, at most its own bid. The last one, with nobody behind it, pays the reserve.
    """
    offers = []
    for at, bidder in enumerate(bidders[:n]):
        behind = bidders[at + 1] if at + 1 < len(bidders) else None
        # Exact: with floats the price of an equal bidder could be a micro-unit too high.
        due = 0 if behind is None else math.ceil(_exact(behind) / Fraction(bidder.probability))
        price = min(bidder.bid, max(reserve, due))
        offers.append(
            Offer(campaign_id=bidder.campaign_id, item_id=bidder.item_id, probability=bidder.probability, price=price)
        )
    return offers


def _exact(bidder: Bidder) -> Fraction:
    return Fraction(bidder.probability) * bidder.bid
