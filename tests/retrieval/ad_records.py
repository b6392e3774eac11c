"""Campaigns and offers for tests, with defaults for everything that a test does not care about."""

from __future__ import annotations

from dataclasses import replace

from retrieval.campaigns import Campaign
from retrieval.record.ads.types import Offer

DAY_S = 86_400


def campaign(campaign_id: str = "c", **changes: object) -> Campaign:
    made = Campaign(campaign_id=campaign_id, item_id="i0", bid=100, daily_budget=1000, currency="EUR")
    return replace(made, **changes)  # type: ignore[arg-type]


def offer(campaign_id: str = "c", **changes: object) -> Offer:
    made = Offer(campaign_id=campaign_id, item_id="i0", probability=0.1, price=100)
    return replace(made, **changes)  # type: ignore[arg-type]
