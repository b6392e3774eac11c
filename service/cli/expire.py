"""`fewrec expire`."""

from __future__ import annotations

import time
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

    from retrieval.behaviour import SECONDS_A_DAY
    from retrieval.conditions import parse_filter
    from retrieval.matching import check_attributes
    from retrieval.record.expiry import Expiring

    given = globals_of(ctx)
    now = time.time()
    conditions = tuple(parse_filter(text) for text in filters or ())
    before = None if older_than_days is None else now - older_than_days * SECONDS_A_DAY
    with open_record(given) as record:
        check_attributes(conditions, record.attribute_names())
        meant = Expiring(conditions=conditions, added_before=before)
        ids = record.expire_items(meant, at=now, dry_run=dry_run)
    if output is Output.JSON:
        print_json(given.out, json.dumps({"n": len(ids), "item_ids": list(ids), "dry_run": dry_run}))
        return
    told = ", ".join(ids[:_NAMED]) + (", …" if len(ids) > _NAMED else "")
    what = "would expire" if dry_run else "expired"
    given.out.print(f"{len(ids)} items {what}{': ' if ids else '.'}{told}", markup=False, highlight=False)
