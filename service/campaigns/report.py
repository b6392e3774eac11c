"""What campaigns did over some days, and what users did who see them, against those who never do."""

from __future__ import annotations

from ranking.ads.config import AdSettings
from ranking.ads.holdout import is_held_out
from retrieval.record.ads.ads import AdRecord
from retrieval.record.ads.report import AdReport
from retrieval.record.ads.types import Span, Spent
from service.campaigns.wire import units
from service.experiments.report import IntervalOut, interval_out
from service.experiments.statistics import FEWEST_USERS, difference, wilson
from service.wire import Wire


class CampaignDoneOut(Wire):
    """What one campaign did. Its money is in units, as text."""

    campaign_id: str
    currency: str | None
    """null for a campaign that is gone."""
    shown: int
    clicked: int
    """Entries that feedback named, by a click, a like or a purchase."""
    charged: str
    uncharged: int
    """Clicks that came when the day's budget was used up."""


class GroupOut(Wire):
    """Users who were given at least one list, and those of them who took an advertised item (a liked interaction)."""

    users: int
    took: int
    rate: IntervalOut | None
    """null without users."""


class LiftOut(Wire):
    """What ads do: users who may see them against the holdout, who never do. Chance decides who is in which."""

    first: int
    """The day from which on it counts: later than the report's where older lists are no longer kept."""
    shown: GroupOut
    held_out: GroupOut
    difference: IntervalOut | None
    """Of the two rates, with its 95% interval (Newcombe's); null where a group has fewer than 30 users."""


class CampaignReportOut(Wire):
    """The whole report, of the days first to last (days since 1970, UTC)."""

    first: int
    last: int
    campaigns: list[CampaignDoneOut]
    lift: LiftOut


def report_of(ads: AdRecord, settings: AdSettings, span: Span, lists_from: int | None) -> CampaignReportOut:
    """Of every campaign that did something in these days. Days before the holdout was set as it is now mix groups.

    `lists_from` is the first day of which all lists are kept, None where nothing is forgotten: what users took before
    it says nothing of those whose lists are gone.
    """
    kept = span if lists_from is None else Span(first=min(max(span.first, lists_from), span.last), last=span.last)
    currencies = {campaign.campaign_id: campaign.currency for campaign in ads.campaigns.all()}
    done = ads.report.spent(span)
    return CampaignReportOut(
        first=span.first,
        last=span.last,
        campaigns=[_done(campaign_id, currencies.get(campaign_id), spent) for campaign_id, spent in done.items()],
        lift=_lift(ads.report, settings, kept),
    )


def _done(campaign_id: str, currency: str | None, spent: Spent) -> CampaignDoneOut:
    return CampaignDoneOut(
        campaign_id=campaign_id,
        currency=currency,
        shown=spent.shown,
        clicked=spent.clicked,
        charged=units(spent.spent),
        uncharged=spent.uncharged,
    )


def _lift(report: AdReport, settings: AdSettings, span: Span) -> LiftOut:
    taking = report.taking_users(span)
    groups: dict[bool, list[str]] = {False: [], True: []}
    for user_id in report.asking_users(span):
        groups[is_held_out(settings, user_id)].append(user_id)
    took = {held: sum(user in taking for user in users) for held, users in groups.items()}
    rates = {held: wilson(took[held] / len(users), len(users)) for held, users in groups.items() if users}
    enough = all(len(users) >= FEWEST_USERS for users in groups.values())
    shown, held_out = (
        GroupOut(users=len(groups[held]), took=took[held], rate=interval_out(rates.get(held))) for held in (False, True)
    )
    apart = difference(rates[False], rates[True]) if enough else None
    return LiftOut(first=span.first, shown=shown, held_out=held_out, difference=interval_out(apart))
