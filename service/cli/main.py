"""The `fewrec` command. Heavy libraries are imported inside the commands, so that help comes at once."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from service.cli import (
    audience,
    backup,
    batch,
    campaigns,
    chat,
    demo,
    doctor,
    experiment,
    expire,
    import_,
    index,
    keys,
    models,
    prompt,
    recommend,
    scenario,
    serve,
    tenants,
    vllm,
)
from service.cli.context import Globals
from service.cli.errors import ErrorLineGroup
from service.cli.logs import log_to_stderr
from service.environment import keep_to_ourselves
from service.exit_codes import EXIT_CODES_HELP

app = typer.Typer(
    name="fewrec",
    help="Recommendations by a language model: candidates from your catalogue, a few of the user's past choices as "
    "examples, and a local open model that ranks.",
    epilog=EXIT_CODES_HELP,
    cls=ErrorLineGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fewrec {metadata.version('fewrec')}")
        raise typer.Exit


@app.callback()
def options(
    ctx: typer.Context,
    config: Annotated[
        Path | None, typer.Option(help="YAML file of settings.", metavar="FILE", envvar="FEWREC_CONFIG")
    ] = None,
    home: Annotated[
        Path | None, typer.Option(help="Folder of the record and the index (FEWREC_HOME).", metavar="FOLDER")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Log everything, and show tracebacks of errors.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Stores the global options and keeps libraries from calling home."""
    keep_to_ourselves()
    log_to_stderr(debug=debug)
    ctx.obj = Globals(config=config, home=home, debug=debug, out=Console(), err=Console(stderr=True))


app.command("demo")(demo.demo)
app.command("import")(import_.import_)
app.command("recommend")(recommend.recommend)
app.command("audience")(audience.audience)
app.command("batch")(batch.batch)
app.command("chat")(chat.chat)
app.add_typer(prompt.app, name="prompt")
app.add_typer(models.app, name="models")
app.add_typer(index.app, name="index")
app.add_typer(experiment.app, name="experiment")
app.add_typer(scenario.app, name="scenario")
app.add_typer(campaigns.app, name="campaigns")
app.command("expire")(expire.expire)
app.command("serve")(serve.serve)
app.add_typer(keys.app, name="keys")
app.command("tenants")(tenants.tenants)
app.add_typer(vllm.app, name="vllm")
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
app.command("doctor")(doctor.doctor)
for _group, _app in (("fewrec.commands", app), ("fewrec.commands.models", models.app)):
    for _command in sorted(metadata.entry_points(group=_group), key=lambda each: each.name):
        _app.command(_command.name)(_command.load())


def main() -> None:
    """Entry point of the `fewrec` script."""
    for stream in (sys.stdout, sys.stderr):
        # Titles may hold any character; a terminal that cannot show one gets a replacement instead of an error.
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    app()
