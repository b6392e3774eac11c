"""`fewrec demo --scenario NAME`: one of the kinds of lists on the bundled sample, with what it did."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from importlib import metadata, resources
from typing import TYPE_CHECKING, Any

import typer
from rich.table import Table
from rich.text import Text

from service.cli.campaigns import state_of
from service.cli.context import Globals, Output
from service.cli.demo import DEMO_USER, SHOWN, demo_settings, import_sample
from service.cli.recommend import asked, show

if TYPE_CHECKING:
    from ranking.settings import Settings
    from ranking.types import Recommendation
    from retrieval.campaigns import Campaign


@dataclass(frozen=True, kw_only=True, slots=True)
class _OnTheSample(Globals):
    """The options of a command that is run on the demo's own store."""

    fixed: Settings

    def settings(self, **_: Any) -> Settings:
        """Always these."""
        return self.fixed


def scenario_demo(given: Globals, name: str, user: str | None, output: Output) -> None:
    """Imports the sample and prints a scenario's list for one of its simulated viewers."""
    from ranking.factory import open_recommender
    from retrieval.types import Query
    from service.cli.models import make_packaged_ready
    from service.cli.progress import bars

    settings = demo_settings(given.settings(scenario=name))
    with bars(given.err) as progress:
        make_packaged_ready(settings, progress)
        import_sample(settings)
    campaigns = () if settings.ads is None else _market(given, settings)
    with bars(given.err) as progress, open_recommender(settings, progress) as recommender:
        query = Query(user_id=user or DEMO_USER, domain="films")
        answer = asyncio.run(asked(recommender, query, SHOWN, explain=False))
    show(given, answer, output)
    if campaigns and output is Output.TABLE:
        given.out.print(_auction(answer, campaigns))


def _market(given: Globals, settings: Settings) -> tuple[Campaign, ...]:
    """The sample's campaigns, and probabilities by `fewrec calibrate` where there are none for these settings."""
    from ranking.factory import calibration_for, choose_fusion, served_settings
    from retrieval.record import Record
    from service.campaigns.rows import import_campaigns

    record = Record.open(str(settings.home / "record.db"))
    try:
        with resources.as_file(resources.files("retrieval.sample") / "campaigns.csv") as path:
            import_campaigns(record, path)
        campaigns = record.ads().campaigns.all()
    finally:
        record.close()
    served = served_settings(settings)
    if calibration_for(served, choose_fusion(served)) is None:
        [calibrate] = metadata.entry_points(group="fewrec.commands", name="calibrate")
        command = typer.Typer()
        command.command()(calibrate.load())
        err = given.err  # stdout is for the list
        on_sample = _OnTheSample(config=None, home=None, debug=given.debug, out=err, err=err, fixed=settings)
        command([], obj=on_sample, standalone_mode=False)
    return campaigns


def _auction(answer: Recommendation, campaigns: tuple[Campaign, ...]) -> Table:
    """Every campaign of the sample, and what became of it."""
    from service.campaigns.wire import units

    sold = {entry.campaign_id: entry for entry in answer.sponsored}
    table = Table(title="The auction: calibrated probability x bid, at second prices", title_justify="left")
    for column in ("campaign", "bid", "probability", "place", "costs a click", ""):
        table.add_column(column, justify="left" if column in {"campaign", ""} else "right")
    for campaign in sorted(campaigns, key=lambda one: (one.campaign_id not in sold, one.campaign_id)):
        entry = sold.get(campaign.campaign_id)
        if entry is None:
            told = ("-", "-", "-", _why(campaign, answer))
        else:
            told = (f"{entry.probability:.1%}", str(entry.slot), units(entry.price), "")
        table.add_row(Text(campaign.campaign_id), units(campaign.bid), *map(Text, told))
    return table


def _why(campaign: Campaign, answer: Recommendation) -> str:
    """As far as the campaign and the list tell."""
    from retrieval.conditions import condition_text
    from retrieval.matching import all_hold

    if (state := state_of(campaign, time.time())) != "runs":
        return state
    if not all_hold(campaign.targeting, {} if answer.user is None else answer.user.attributes):
        return f"for others: {'; '.join(map(condition_text, campaign.targeting))}"
    listed = campaign.item_id in {ranked.item.item_id for ranked in answer.items}
    return "in the list anyway" if listed else "outbid, or too unlikely to be taken"
