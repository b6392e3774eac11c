"""`fewrec scenario`: the kinds of lists that requests may name."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from service.cli.context import Output, globals_of, open_record, print_json
from service.cli.options import OutputOption

app = typer.Typer(
    help="The kinds of lists that requests may name: shipped ones, and your own files.", no_args_is_help=True
)


@app.command("list")
def list_command(ctx: typer.Context, output: OutputOption = Output.TABLE) -> None:
    """Name all scenarios. Your own are in the folder `scenarios` of FEWREC_HOME, one YAML file each."""
    import json

    from ranking.scenarios.files import list_scenarios, read_scenario
    from service.cli.tables import facts_table

    given = globals_of(ctx)
    home = given.settings().home
    found = [read_scenario(home, name) for name in list_scenarios(home)]
    if output is Output.JSON:
        print_json(given.out, json.dumps([{"name": one.name, "about": one.about} for one in found], indent=2))
        return
    given.out.print(facts_table("Scenarios", [(one.name, one.about) for one in found]))


@app.command("exposures")
def exposures_command(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME")] = "new-items",
    output: OutputOption = Output.TABLE,
) -> None:
    """Tell in how many lists each new item was, against the most for which a scenario keeps places."""
    import json
    import time

    from ranking.arrangement.exposures import exposures
    from ranking.errors import ConfigError
    from service.cli.tables import facts_table

    given = globals_of(ctx)
    explore = given.settings(scenario=name).arrangement.explore
    if explore is None:
        raise ConfigError(f"scenario {name!r} keeps no places for new items: it has no arrangement.explore")
    with open_record(given) as record:
        found = exposures(record, explore, time.time())
    if output is Output.JSON:
        rows = [{"item_id": one.item.item_id, "shown": one.shown, "still": one.still} for one in found]
        print_json(given.out, json.dumps({"shown_at_most": explore.shown_at_most, "items": rows}, indent=2))
        return
    told = [
        (
            one.item.item_id,
            f"{one.item.title}: {one.shown} of {explore.shown_at_most}" + ("" if one.still else ", done"),
        )
        for one in found
    ]
    given.out.print(facts_table(f"Lists of the last {explore.within_days:g} days with new items", told))


@app.command("show")
def show(ctx: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Print a scenario's file: copy it into the folder `scenarios` of FEWREC_HOME to have your own."""
    import yaml

    from ranking.scenarios.files import read_scenario

    given = globals_of(ctx)
    found = read_scenario(given.settings().home, name)
    given.settings(scenario=name)  # what is wrong with it is told
    given.out.print(Text(f"# {found.place}", style="dim"), soft_wrap=True)
    text = yaml.safe_dump({"about": found.about, "settings": found.settings}, sort_keys=False, allow_unicode=True)
    given.out.print(Text(text.rstrip()), soft_wrap=True)
