"""`fewrec experiment`: what the experiments of the settings showed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from service.cli import options
from service.cli.context import Globals, Output, globals_of, print_json

if TYPE_CHECKING:
    from service.experiments.report import DifferenceOut, ExperimentOut, IntervalOut, TeamsOut

app = typer.Typer(help="Compare arms of experiments on what users did with their lists.", no_args_is_help=True)


@app.callback()
def experiment() -> None:
    """Keeps `report` a command of its own name while it is the only one."""


@app.command("report", epilog="Examples: fewrec experiment report · fewrec experiment report prompts --output json")
def report(
    ctx: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="One experiment; default: all that there are.")
    ] = None,
    output: options.OutputOption = Output.TABLE,
) -> None:
    """Click and like rates per arm, and differences between arms, with 95% intervals. A service may run meanwhile."""
    from retrieval.errors import NotFoundError
    from retrieval.record import Record
    from service.experiments.report import report_of

    given = globals_of(ctx)
    settings = given.settings()
    configured = {one.name: one for one in settings.experiments}
    record = Record.open(settings.record_url or str(settings.home / "record.db"))
    try:
        exposures = record.shown().exposures()
        known = [*configured, *(one for one in exposures.experiments() if one not in configured)]
        if not known:
            raise NotFoundError("no experiment is in the settings and none was logged; see docs/experiments.md")
        if name is not None and name not in known:
            raise NotFoundError(f"no experiment {name!r}; there are {', '.join(known)}")
        wanted = known if name is None else [name]
        reports = [report_of(one, exposures, configured.get(one)) for one in wanted]
    finally:
        record.close()
    if output is Output.JSON:
        print_json(given.out, "[" + ",".join(one.model_dump_json() for one in reports) + "]")
        return
    for one in reports:
        _print(given, one)


def _print(given: Globals, told: ExperimentOut) -> None:
    title = Text(f"{told.experiment} ({told.state}): {told.lists:,} lists, {told.users:,} users")
    if told.arms:
        table = Table("arm", "share", "users", "lists", "degraded", "click rate", "like rate", title=title)
        table.title_justify = "left"
        for arm in told.arms:
            table.add_row(
                Text(arm.arm),
                "" if arm.share is None else f"{arm.share:.0%}",
                f"{arm.users:,}",
                f"{arm.lists:,}",
                f"{arm.degraded:,}",
                _percent(arm.click),
                _percent(arm.like),
            )
        given.out.print(table)
    else:
        given.out.print(title)
    lines = [*map(_difference, told.differences), *map(_teams, told.interleaved)]
    if not told.lists:
        lines = ["not enough data: no list was part of it yet"]
    for line in (*lines, *(f"Warning: {warning}" for warning in told.warnings)):
        given.out.print(line, highlight=False, markup=False, soft_wrap=True)


def _difference(one: DifferenceOut) -> str:
    what = f"{one.measure} rate of {one.arm} minus {one.against}: "
    what += "-" if one.difference is None else _percent(one.difference, signed=True)
    if one.p is None:
        return f"{what}, not enough data ({one.not_enough_data})"
    return f"{what}, p = {one.p:.4f}"


def _teams(one: TeamsOut) -> str:
    taken = ", ".join(f"{arm} {n:,}" for arm, n in zip(one.arms, one.credits, strict=True))
    won = f"users won: {one.users[0]:,} to {one.users[1]:,}"
    what = f"{one.measure}s credited: {taken}; {won}"
    if one.share is not None:
        what += f", {one.arms[0]} {_percent(one.share)}"
    if one.p is None:
        return f"{what}, not enough data ({one.not_enough_data})"
    return f"{what}, p = {one.p:.4f} (sign test)"


def _percent(one: IntervalOut | None, *, signed: bool = False) -> str:
    if one is None:
        return "-"
    sign = "+" if signed else ""
    return f"{one.value:{sign}.1%} ({one.low:{sign}.1%} to {one.high:{sign}.1%})"
