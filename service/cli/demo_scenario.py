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
from service.cli.closest import naming_closest_users
from service.cli.context import Globals, Output
from service.cli.demo_store import DEMO_USER, LIKED_SHOWN, SHOWN, demo_settings, import_into, import_sample
from service.cli.recommend import asked, show

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ranking.settings import Settings
    from ranking.types import RankedItem, Recommendation
    from retrieval.campaigns import Campaign
    from retrieval.sample.days import Sample
    from retrieval.types import Item, Vote


@dataclass(frozen=True, kw_only=True, slots=True)
class _OnTheSample(Globals):
    """The options of a command that is run on the demo's own store."""

    fixed: Settings

    def settings(self, **_: Any) -> Settings:
        """Always these."""
        return self.fixed


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stage:
    """What a scenario is shown on."""

    user: str
    domain: str
    about: str
    """Said before the list."""
    sample: Callable[[], Sample] | None = None
    """Has a store of its own and a clock that stands still; None is the films and books, now."""


_MADE_UP = "Titles, names and those who take them are made up; the clock stands at 2026-06-30 12:00 UTC."
_FILMS = _Stage(user=DEMO_USER, domain="films", about="Films for a simulated viewer.")


def _stage(name: str) -> _Stage:
    from retrieval.sample.days import films_sample, music_sample, news_sample

    return {
        "news": _Stage(user="reader-001", domain="news", about=f"Today's news. {_MADE_UP}", sample=news_sample),
        "music": _Stage(user="listener-001", domain="music", about=f"Music. {_MADE_UP}", sample=music_sample),
        "new-items": _Stage(
            user="viewer-007",
            domain="films",
            about="Films; eight that nobody took are taken to be new. The clock stands at 2026-06-30 12:00 UTC.",
            sample=films_sample,
        ),
        "cross-domain": _Stage(
            user="viewer-003", domain="books", about="Books for a simulated viewer who only ever chose films."
        ),
    }.get(name, _FILMS)


def scenario_demo(given: Globals, name: str, user: str | None, output: Output) -> None:
    """Imports what the scenario is shown on, and prints its list for a simulated user."""
    from ranking.factory import open_recommender
    from retrieval.sample.days import NOW
    from retrieval.types import Query
    from service.cli.models import make_packaged_ready
    from service.cli.progress import bars

    stage = _stage(name)
    settings = demo_settings(given.settings(scenario=name))
    if stage.sample is not None:
        settings = settings.model_copy(update={"home": settings.home / name})
    with bars(given.err) as progress:
        make_packaged_ready(settings, progress)
        if stage.sample is None:
            import_sample(settings)
        else:
            import_into(settings, stage.sample())
    campaigns = () if settings.ads is None else _market(given, settings)
    moment = None if stage.sample is None else NOW
    with bars(given.err) as progress, open_recommender(settings, progress) as recommender:
        query = Query(user_id=user or stage.user, domain=stage.domain, as_of=moment)
        with naming_closest_users(settings, user):
            answer = asyncio.run(asked(recommender, query, SHOWN, explain=False))
        likely = {} if recommender.auctioneer is None else recommender.auctioneer.likely(answer)
    if output is Output.TABLE:
        _introduce(given, stage, answer)
    show(given, answer, output)
    if campaigns and output is Output.TABLE:
        given.out.print(_auction(answer, campaigns, likely))


def _introduce(given: Globals, stage: _Stage, answer: Recommendation) -> None:
    """Whom the list is for, and what its items are beside their titles, so that a reader can judge it."""
    from service.cli.tables import name_of

    given.out.print(Text(stage.about, style="bold"))
    retrieved = answer.retrieved
    liked = [past.item for past in retrieved.history if past.liked] if retrieved else []
    given.out.print(Text(f"{answer.user.user_id if answer.user else '?'} liked, most recently:"))
    for item in liked[-LIKED_SHOWN:]:
        given.out.print(Text("  · ").append_text(name_of(item)).append(f"  {_facts(item, None)}", style="dim"))
    as_of = retrieved.as_of if retrieved else None
    given.out.print(Text("What is listed below:"))
    for ranked in answer.items:
        line = Text(f"{ranked.rank:3d} ").append_text(name_of(ranked.item))
        given.out.print(line.append(f"  {_facts(ranked.item, as_of)}", style="dim"))
    given.out.print(_slots(answer))


def _slots(answer: Recommendation) -> Text:
    """How many of the list are new, and how many of these would not be in it but for the places that are kept."""
    new = [ranked for ranked in answer.items if any(vote.source == "explore" for vote in _votes(answer, ranked))]
    if not new:
        return Text("")
    placed = sum(change.kind == "explore" for change in answer.changes)
    return Text(f"New: {len(new)}, of which {placed} by a place that is kept for new items, the others by ranking.")


def _votes(answer: Recommendation, ranked: RankedItem) -> tuple[Vote, ...]:
    found = answer.retrieved.candidates if answer.retrieved else ()
    return next((one.votes for one in found if one.item.item_id == ranked.item.item_id), ())


def _facts(item: Item, as_of: float | None) -> str:
    """Who made it, of what kind it is and, as of a moment, how old."""
    told = [item.attributes.get(name) for name in ("outlet", "artist", "topics", "genre", "genres")]
    facts = [", ".join(value) if isinstance(value, tuple) else str(value) for value in told if value is not None]
    if as_of is not None and item.added_at is not None:
        hours = (as_of - item.added_at) / 3600
        facts.append(f"{hours:.0f} h old" if hours < 48 else f"{hours / 24:.0f} days old")
    return " · ".join(facts)


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


def _auction(answer: Recommendation, campaigns: tuple[Campaign, ...], likely: Mapping[str, float]) -> Table:
    """Every campaign of the sample, and what became of it."""
    from service.campaigns.wire import units

    sold = {entry.campaign_id: entry for entry in answer.sponsored}
    table = Table(title="The auction: calibrated probability x bid, at second prices", title_justify="left")
    for column in ("campaign", "bid", "probability", "place", "costs a click", ""):
        table.add_column(column, justify="left" if column in {"campaign", ""} else "right")
    for campaign in sorted(campaigns, key=lambda one: (one.campaign_id not in sold, one.campaign_id)):
        entry = sold.get(campaign.campaign_id)
        probability = likely.get(campaign.campaign_id)
        chance = "-" if probability is None else f"{probability:.1%}"
        if entry is None:
            told = ("-", "-", _why(campaign, answer, probability))
        else:
            told = (str(entry.slot), units(entry.price), "")
        table.add_row(Text(campaign.campaign_id), units(campaign.bid), chance, *map(Text, told))
    return table


def _why(campaign: Campaign, answer: Recommendation, probability: float | None) -> str:
    """As far as the campaign, the list and the probability (None below the floor) tell."""
    from retrieval.conditions import condition_text
    from retrieval.matching import all_hold

    if (state := state_of(campaign, time.time())) != "runs":
        return state
    if not all_hold(campaign.targeting, {} if answer.user is None else answer.user.attributes):
        return f"for others: {'; '.join(map(condition_text, campaign.targeting))}"
    if campaign.item_id in {ranked.item.item_id for ranked in answer.items}:
        return "in the list anyway"
    return "too unlikely to be taken" if probability is None else "outbid, or held back to spread its budget"
