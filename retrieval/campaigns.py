"""Campaigns: who pays at most how much so that an item is shown, to whom and when. Money is whole micro-units."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from retrieval.contradictions import contradiction
from retrieval.errors import InputError
from retrieval.filters import Filter

MICROS = 1_000_000
"""Micro-units in one unit of a currency."""
MAX_MICROS = 10**15
"""Largest amount: a thousand million units, whose sums stay far below what a database's integer holds."""
MAX_CAP = 10_000
MAX_CREATIVE = 500
"""Characters of a creative."""
SECONDS_A_DAY = 86_400
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Campaign:
    """An item that somebody pays for. Its creative is untrusted text."""

    campaign_id: str
    item_id: str
    bid: int
    """Micro-units: the most that one charge may be."""
    daily_budget: int
    """Micro-units: the most that all charges of one day (UTC) may be."""
    currency: str
    """ISO 4217, such as EUR."""
    starts_at: float | None = None
    """Unix seconds; None is at once."""
    ends_at: float | None = None
    """From then on it does not run; None is never."""
    targeting: tuple[Filter, ...] = ()
    """Conditions on the user's attributes; all must hold. A stranger has no attributes."""
    cap_per_day: int | None = None
    """How often one user may be shown it on one day (UTC); None is as often as it wins."""
    creative: str | None = None
    """The words beside the item; None shows the item alone."""
    paused: bool = False


def check_campaign(campaign: Campaign) -> None:
    """Raises InputError, with the campaign's id, for one that could not run or could not be charged for."""
    if (slip := next(_slips(campaign), None)) is not None:
        raise InputError(f"campaign {campaign.campaign_id!r}: {slip}")


def day_of(moment: float) -> int:
    """The day (UTC) of Unix seconds, in days since 1970."""
    return math.floor(moment / SECONDS_A_DAY)


def _slips(campaign: Campaign) -> Iterator[str]:
    for name, amount in (("bid", campaign.bid), ("daily budget", campaign.daily_budget)):
        if amount <= 0:
            yield f"the {name} must be more than 0"
        if amount > MAX_MICROS:
            yield f"the {name} is more than {MAX_MICROS // MICROS:,} units"
    if campaign.daily_budget < campaign.bid:
        yield "the daily budget is less than the bid, so not even one charge is sure to fit it"
    if not _CURRENCY.fullmatch(campaign.currency):
        yield f"currency {campaign.currency[:20]!r} is not three capital letters, such as EUR"
    yield from _date_slips(campaign.starts_at, campaign.ends_at)
    if campaign.cap_per_day is not None and not 1 <= campaign.cap_per_day <= MAX_CAP:
        yield f"the cap must be 1 to {MAX_CAP:,} a day; leave it out for none, or pause the campaign"
    if campaign.creative is not None and not 1 <= len(campaign.creative.strip()) <= MAX_CREATIVE:
        yield f"the creative must have 1 to {MAX_CREATIVE} characters"
    if found := contradiction(campaign.targeting):
        yield f"its targeting reaches nobody: {found}"


def _date_slips(starts: float | None, ends: float | None) -> Iterator[str]:
    if any(moment is not None and not math.isfinite(moment) for moment in (starts, ends)):
        yield "a date is no finite number of seconds"
    if starts is not None and ends is not None and ends <= starts:
        yield "it ends before it starts"
