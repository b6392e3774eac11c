"""`fewrec campaigns`: what is shown for money, and what came of it."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table
from rich.text import Text

from service.cli import options
from service.cli.context import Globals, Output, globals_of, open_record, print_json
from service.exit_codes import ExitCode

if TYPE_CHECKING:
    from retrieval.campaigns import Campaign
    from service.campaigns.report import CampaignReportOut, GroupOut
    from service.experiments.report import IntervalOut

app = typer.Typer(help="Import, look at and stop campaigns, and report what they did.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="As in `fewrec campaigns list`.")]


@app.command("import", epilog="Example: fewrec campaigns import campaigns.csv")
def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Columns as in docs/ads.md; the first line.")],
    output: options.OutputOption = Output.TABLE,
) -> None:
    """Create or replace campaigns. Rows that cannot run are told with their line (exit code 7), the others are kept."""
    from service.campaigns.rows import import_campaigns
    from service.cli.tables import facts_table

    given = globals_of(ctx)
    with open_record(given) as record:
        done = import_campaigns(record, file)
    if output is Output.JSON:
        print_json(given.out, done.model_dump_json(indent=2))
    else:
        facts = done.model_dump(exclude={"rejects"})
        given.out.print(facts_table(f"Campaigns of {file.name}", [(name, f"{n:,}") for name, n in facts.items()]))
        for reject in done.rejects:
            given.err.print(f"line {reject.line}: {reject.reason}", style="yellow", highlight=False, markup=False)
    if done.rejected:
        raise typer.Exit(ExitCode.PARTIAL)


@app.command("list")
def list_command(ctx: typer.Context, output: options.OutputOption = Output.TABLE) -> None:
    """All campaigns, paused ones too."""
    import json

    from service.campaigns.wire import CampaignOut, units

    given = globals_of(ctx)
    with open_record(given) as record:
        found = record.ads().campaigns.all()
    if output is Output.JSON:
        print_json(given.out, json.dumps([CampaignOut.of(one).model_dump() for one in found], indent=2))
        return
    ids = (Column("campaign", overflow="fold"), Column("item", overflow="fold"))
    table = Table(*ids, "bid", "a day", "", "targeting", "state", title="Campaigns", title_justify="left")
    for one in found:
        told = CampaignOut.of(one)
        cells = (one.campaign_id, one.item_id, units(one.bid), units(one.daily_budget), one.currency)
        table.add_row(*map(Text, cells), Text("; ".join(told.targeting)), state_of(one, time.time()))
    given.out.print(table)


@app.command("show")
def show(ctx: typer.Context, campaign_id: Id) -> None:
    """Print one campaign as JSON."""
    from service.campaigns.wire import CampaignOut

    given = globals_of(ctx)
    with open_record(given) as record:
        found = record.ads().campaigns.get(campaign_id)
    print_json(given.out, CampaignOut.of(found).model_dump_json(indent=2))


@app.command("pause")
def pause(ctx: typer.Context, campaign_id: Id) -> None:
    """Stop a campaign until it is resumed; a running service knows it with its next list."""
    _set_paused(globals_of(ctx), campaign_id, paused=True)


@app.command("resume")
def resume(ctx: typer.Context, campaign_id: Id) -> None:
    """Let a paused campaign go on."""
    _set_paused(globals_of(ctx), campaign_id, paused=False)


@app.command("remove")
def remove(ctx: typer.Context, campaign_id: Id) -> None:
    """End a campaign for good. What it spent stays on record."""
    given = globals_of(ctx)
    with open_record(given) as record:
        record.ads().campaigns.delete(campaign_id)
    given.err.print(f"campaign {campaign_id} is removed", highlight=False, markup=False)


@app.command("report", epilog="Example: fewrec campaigns report --days 30 --output json")
def report(
    ctx: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=3650, help="So many days (UTC) up to today.")] = 7,
    scenario: Annotated[str, typer.Option(help="The scenario whose holdout is compared with.")] = "ads",
    output: options.OutputOption = Output.TABLE,
) -> None:
    """What campaigns were shown, clicked and charged, and what users take who see them, against the holdout."""
    from ranking.errors import ConfigError
    from retrieval.campaigns import SECONDS_A_DAY, day_of
    from retrieval.record.ads.types import Span
    from service.campaigns.report import report_of

    given = globals_of(ctx)
    settings = given.settings(scenario=scenario)
    ads, kept_days = settings.ads, settings.retention.shown_days
    if ads is None:
        raise ConfigError(f"scenario {scenario!r} sells no places: it has no section ads")
    now = time.time()
    today = day_of(now)
    lists_from = None if kept_days is None else day_of(now - kept_days * SECONDS_A_DAY) + 1
    with open_record(given) as record:
        told = report_of(record.ads(), ads, Span(first=today - days + 1, last=today), lists_from)
    if output is Output.JSON:
        print_json(given.out, told.model_dump_json(indent=2))
        return
    _print(given, told, days)


def _set_paused(given: Globals, campaign_id: str, *, paused: bool) -> None:
    with open_record(given) as record:
        record.ads().campaigns.change(campaign_id, lambda one: replace(one, paused=paused))
    given.err.print(f"campaign {campaign_id} {'is paused' if paused else 'goes on'}", highlight=False, markup=False)


def state_of(campaign: Campaign, now: float) -> str:
    """Whether it runs, in a word or two."""
    if campaign.paused:
        return "paused"
    if campaign.starts_at is not None and now < campaign.starts_at:
        return "not yet"
    return "over" if campaign.ends_at is not None and now >= campaign.ends_at else "runs"


def _print(given: Globals, told: CampaignReportOut, days: int) -> None:
    title = f"Campaigns of the last {days} days"
    table = Table(Column("campaign", overflow="fold"), title=title, title_justify="left")
    for name in ("shown", "clicked", "charged", "clicks beyond the budget"):
        table.add_column(name, justify="right")
    for one in told.campaigns:
        numbers = (f"{one.shown:,}", f"{one.clicked:,}", f"{one.charged} {one.currency or ''}", f"{one.uncharged:,}")
        table.add_row(Text(one.campaign_id), *numbers)
    given.out.print(table)
    lift = told.lift
    lines = (
        f"took an advertised item: {_group(lift.shown)} of those who may see ads",
        f"                         {_group(lift.held_out)} of the holdout, who never do",
        f"difference: {_points(lift.difference) if lift.difference else '- (a group has fewer than 30 users)'}",
    )
    if lift.first > told.first:
        counted = told.last - lift.first + 1
        given.out.print(f"of the last {counted} days alone, as older lists are not kept (retention.shown_days):")
    for line in lines:
        given.out.print(line, highlight=False, markup=False, soft_wrap=True)


def _group(group: GroupOut) -> str:
    rate = "-" if group.rate is None else f"{group.rate.value:.1%}"
    return f"{group.took:,} of {group.users:,} users ({rate})"


def _points(one: IntervalOut) -> str:
    return f"{one.value:+.1%} ({one.low:+.1%} to {one.high:+.1%})"
