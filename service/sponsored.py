"""What is shown for money, on the wire."""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue

from ranking.ads.types import Sponsored
from service.stored import attributes_out
from service.wire import Wire


class SponsoredOut(Wire):
    """One entry that a campaign pays for. Wherever it is shown, say that it is paid for."""

    sponsored: Literal[True]
    slot: int
    """Its place on the page, 1 is first, counted with the sponsored entries among the others."""
    campaign_id: str
    item_id: str
    title: str
    domain: str
    attributes: dict[str, JsonValue]
    creative: str | None
    """The advertiser's words: untrusted text."""
    probability: float
    """Calibrated chance that the user takes the item next."""
    reason: str

    @classmethod
    def of(cls, entry: Sponsored) -> SponsoredOut:
        """The wire shape. What it costs is the report's to tell."""
        item = entry.item
        return cls(
            sponsored=True,
            slot=entry.slot,
            campaign_id=entry.campaign_id,
            item_id=item.item_id,
            title=item.title,
            domain=item.domain,
            attributes=attributes_out(item.attributes),
            creative=entry.creative,
            probability=entry.probability,
            reason=entry.reason,
        )
