"""Campaigns on the wire: what the API and the rows of a CSV file say, and what is told of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, TypeAlias

from pydantic import Field, StringConstraints

from retrieval.campaigns import MAX_CAP, MAX_CREATIVE, MAX_MICROS, MICROS, Campaign
from retrieval.conditions import condition_text, parse_filter
from service.api.fields import Id, Text, Time
from service.wire import Wire

Money: TypeAlias = Annotated[Decimal, Field(gt=0, le=MAX_MICROS // MICROS, decimal_places=6)]
Currency: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Creative: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=MAX_CREATIVE, pattern=r"^[^\x00]*$")]


class CampaignIn(Wire):
    """All that is known of a campaign: what is left out is not kept from before. Money is in units, to six places."""

    item_id: Id
    bid: Money
    """The most that one click (or impression) may cost."""
    daily_budget: Money
    """The most that all charges of one day (UTC) may be."""
    currency: Currency
    starts_at: Time | None = None
    ends_at: Time | None = None
    """From then on it does not run."""
    targeting: list[Text] = Field(default=[], max_length=20)
    """Conditions on the user's attributes, such as "age>=18" or "country=DE|AT"; all must hold."""
    cap_per_day: Annotated[int, Field(ge=1, le=MAX_CAP)] | None = None
    """How often one user may be shown it on one day; with a cap, strangers are not shown it."""
    creative: Creative | None = None
    """The words beside the item."""
    paused: bool = False

    def campaign(self, campaign_id: str) -> Campaign:
        """As the record takes it. Raises InputError for targeting that cannot be read."""
        return Campaign(
            campaign_id=campaign_id,
            item_id=self.item_id,
            bid=int(self.bid * MICROS),
            daily_budget=int(self.daily_budget * MICROS),
            currency=self.currency,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            targeting=tuple(parse_filter(text) for text in self.targeting),
            cap_per_day=self.cap_per_day,
            creative=self.creative,
            paused=self.paused,
        )


class CampaignRow(CampaignIn):
    """A row of a file."""

    campaign_id: Id


class CampaignOut(Wire):
    """A campaign as it is stored; money is in units, as text, so that nothing is rounded."""

    campaign_id: str
    item_id: str
    bid: str
    daily_budget: str
    currency: str
    starts_at: float | None
    ends_at: float | None
    targeting: list[str]
    cap_per_day: int | None
    creative: str | None
    paused: bool

    @classmethod
    def of(cls, campaign: Campaign) -> CampaignOut:
        """The wire shape."""
        return cls(
            campaign_id=campaign.campaign_id,
            item_id=campaign.item_id,
            bid=units(campaign.bid),
            daily_budget=units(campaign.daily_budget),
            currency=campaign.currency,
            starts_at=campaign.starts_at,
            ends_at=campaign.ends_at,
            targeting=[condition_text(condition) for condition in campaign.targeting],
            cap_per_day=campaign.cap_per_day,
            creative=campaign.creative,
            paused=campaign.paused,
        )


def units(micros: int) -> str:
    """Micro-units as units, exactly: 250000 is 0.25."""
    return f"{Decimal(micros) / MICROS:f}"
