"""`fewrec models list`, `prepare` and `verify`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from service.cli import options
from service.cli.context import Globals, Output, globals_of, print_json
from service.environment import keep_to_ourselves

if TYPE_CHECKING:
    from ranking.settings import Settings

app = typer.Typer(help="List, prepare and verify models.", no_args_is_help=True)

Name = Annotated[
    str | None,
    typer.Argument(metavar="[MODEL]", help="A packaged model, a Hugging Face id or a folder; default: the settings'."),
]


@app.command("list")
def list_(ctx: typer.Context, output: options.OutputOption = Output.TABLE) -> None:
    """List the models that come as packages, and whether they are ready."""
    from ranking.models.verify import list_models

    given = globals_of(ctx)
    listed = list_models(given.settings().cache)
    if output is Output.JSON:
        rows = [{**dataclasses.asdict(model), "folder": str(model.folder)} for model in listed]
        print_json(given.out, json.dumps(rows, indent=2))
        return
    table = Table("model", "what", "licence", "state", "to get it ready", title="Models", title_justify="left")
    for model in listed:
        table.add_row(model.name, model.description, model.licence, model.state, Text(model.hint or ""))
    given.out.print(table)
    given.err.print("Any Hugging Face id or local folder can be named as well.", highlight=False)


@app.command("prepare")
def prepare(ctx: typer.Context, name: Name = None) -> None:
    """Make a model ready: convert a packaged one, download a Hugging Face one, check that a folder is there.

    This is the only command that reaches a model hub, and only for an id that you name.
    """
    from ranking.models.prepare import prepare as make_ready
    from service.cli.progress import bars

    keep_to_ourselves(downloads=True)
    given = globals_of(ctx)
    settings = given.settings()
    wanted = name or settings.model.name
    with bars(given.err) as progress:
        folder = make_ready(wanted, settings.cache, progress)
    given.out.print(f"{wanted} is ready in {folder}", highlight=False, markup=False, soft_wrap=True)


@app.command("verify")
def verify(ctx: typer.Context, name: Name = None) -> None:
    """Compare a model's files, and the embedding model's, with their recorded checksums."""
    from ranking.models.verify import verify as check
    from retrieval.embedder import SentenceEmbedder

    given = globals_of(ctx)
    settings = given.settings()
    found = check(name or settings.model.name, settings.cache)
    how = "as recorded" if found.against == "manifest" else "complete; no record to compare with"
    _say(given, f"{found.name}: {found.n_files} files, {found.bytes / 1e6:,.0f} MB, SHA-256 {found.digest[:12]}… {how}")
    if name is None:
        digest = SentenceEmbedder(settings.embedder.model, settings.embedder.batch_size).verify()
        _say(given, f"{settings.embedder.model}: SHA-256 {digest[:12]}…")


def make_packaged_ready(settings: Settings, progress: Callable[[str, int, int], None]) -> None:
    """Prepares the settings' model if it is a packaged one that is not ready; anything else is left to the engine.

    A template that does not exist is told first: nobody should wait for a model to hear of a slip of the pen.
    """
    from ranking.errors import ModelError
    from ranking.factory import choose_template
    from ranking.models.prepare import locate
    from ranking.models.prepare import prepare as make_ready
    from ranking.models.registry import classify

    choose_template(settings)
    if classify(settings.model.name).kind != "packaged":
        return
    try:
        locate(settings.model.name, settings.cache)
    except ModelError:
        make_ready(settings.model.name, settings.cache, progress)


def _say(given: Globals, line: str) -> None:
    given.out.print(line, highlight=False, markup=False, soft_wrap=True)
