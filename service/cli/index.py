"""`fewrec index status` and `fewrec index rebuild`."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import typer

from service.cli import options
from service.cli.context import Output, globals_of, print_json

if TYPE_CHECKING:
    from retrieval.store import IndexStatus

app = typer.Typer(
    help="Check or rebuild the retrieval index (Chroma), which is built from the record.", no_args_is_help=True
)


@app.command("status")
def status(ctx: typer.Context, output: options.OutputOption = Output.TABLE) -> None:
    """Compare the index with the record. Ends with code 6 if the index is not whole."""
    from ranking.factory import open_settings_store
    from service.cli.tables import facts_table
    from service.exit_codes import ExitCode

    given = globals_of(ctx)
    with open_settings_store(given.settings()) as store:
        found = store.status()
    if output is Output.JSON:
        print_json(given.out, json.dumps({**dataclasses.asdict(found), "whole": found.whole}, indent=2))
    else:
        given.out.print(facts_table("Index", status_facts(found)))
    if not found.whole:
        raise typer.Exit(ExitCode.FAILURE)


@app.command("rebuild")
def rebuild(ctx: typer.Context) -> None:
    """Build the index anew from the record; the old one serves until the new one is complete."""
    from ranking.factory import open_settings_store
    from service.cli.progress import bars

    given = globals_of(ctx)
    with open_settings_store(given.settings()) as store, bars(given.err) as progress:
        done = store.rebuild(progress)
    given.out.print(
        f"Index rebuilt: {done.items} items, {done.interactions} interactions, {done.demonstrations} demonstrations.",
        highlight=False,
    )


def status_facts(found: IndexStatus) -> list[tuple[str, str]]:
    """What the status says, in words."""
    rate = found.self_query_hit_rate
    return [
        ("items", f"{found.index.items} of {found.record.items}"),
        ("interactions", f"{found.index.interactions} of {found.record.interactions}"),
        ("demonstrations", f"{found.index.demonstrations} of {found.record.demonstrations}"),
        ("version", f"{found.index_version} of {found.record_version}"),
        ("embedder", found.index_embedder or "never built"),
        ("items that find themselves", "nothing to sample" if rate is None else f"{rate:.0%}"),
        ("state", found.problem or "whole"),
    ]
