"""`fewrec tenants`: whose stores the service has, and how full they are."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import typer
from rich.table import Column, Table
from rich.text import Text

from service.cli import options
from service.cli.context import Output, globals_of, print_json

if TYPE_CHECKING:
    from ranking.settings import Settings
    from service.quota import QuotaOut


def tenants(ctx: typer.Context, output: options.OutputOption = Output.TABLE) -> None:
    """Tenants that have a home folder, what they hold of what they may, and what is wrong with their settings.

    A tenant comes to be with its first key (`fewrec keys create NAME --tenant TENANT`) and request. The service may run
    meanwhile.
    """
    from ranking.errors import RankingError
    from retrieval.errors import one_line
    from service.tenants import list_tenants, tenant_settings

    given = globals_of(ctx)
    settings = given.settings()
    rows: list[tuple[str, QuotaOut | None, str | None]] = []
    for name in list_tenants(settings.home):
        try:
            rows.append((name, _use(tenant_settings(settings, name)), None))
        except RankingError as error:
            rows.append((name, None, one_line(error)))
    if output is Output.JSON:
        told = [
            {"tenant": name, "quota": None if use is None else use.model_dump(), "problem": problem}
            for name, use, problem in rows
        ]
        print_json(given.out, json.dumps(told, indent=2, ensure_ascii=False))
        return
    table = Table(Column("tenant", overflow="fold"), "items", "users", "interactions", "requests today", "problem")
    for name, use, problem in rows:
        table.add_row(name, *_cells(use), Text(problem or ""))
    given.out.print(table)


def _use(settings: Settings) -> QuotaOut | None:
    """None where nothing was stored yet."""
    from retrieval.record import Record
    from service.quota import QuotaOut

    file = settings.home / "record.db"
    if not file.exists():
        return None
    record = Record.open(str(file), settings.quota)
    try:
        return QuotaOut.of(record.quotas(), time.time())
    finally:
        record.close()


def _cells(use: QuotaOut | None) -> tuple[str, ...]:
    kinds = () if use is None else (use.items, use.users, use.interactions, use.requests_today)
    told = (f"{one.taken:,}" + ("" if one.allowed is None else f" of {one.allowed:,}") for one in kinds)
    return tuple(told) or ("",) * 4
