"""`fewrec expire`."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli import options
from service.cli.context import Output, globals_of, open_record, print_json

_NAMED = 10


def expire(
    ctx: typer.Context,
    filters: options.Filters = None,
    older_than_days: Annotated[
        float | None, typer.Option(min=0.0, help="Only items whose added_at is longer ago.", metavar="DAYS")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell which it would be; change nothing.")] = False,
    output: options.OutputOption = Output.TABLE,
) -> None:
    """Let many items expire now, by conditions, age or both: no list holds them any more. They stay in histories."""
    import json

    from service.expiry import expire_told

    given = globals_of(ctx)
    with open_record(given) as record:
        ids = expire_told(record, filters or (), older_than_days, dry_run=dry_run)
    if output is Output.JSON:
        print_json(given.out, json.dumps({"n": len(ids), "item_ids": list(ids), "dry_run": dry_run}))
        return
    told = ", ".join(ids[:_NAMED]) + (", …" if len(ids) > _NAMED else "")
    what = "would expire" if dry_run else "expired"
    given.out.print(f"{len(ids)} items {what}{': ' if ids else '.'}{told}", markup=False, highlight=False)
