"""`fewrec keys`: who may ask the service for what."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table
from rich.text import Text

from service.cli import options
from service.cli.context import Output, globals_of, print_json
from service.keys.key import Scope

if TYPE_CHECKING:
    from service.keys.key import Issued, Key
    from service.keys.ring import KeyRing

app = typer.Typer(
    help="Make, list, exchange and end the keys of the service. A key is shown once, when it is made.",
    no_args_is_help=True,
)

_DAY_S, _HOUR_S = 86_400.0, 3600.0
Id = Annotated[str, typer.Argument(metavar="ID", help="As in `fewrec keys list`.")]
Days = Annotated[int, typer.Option(min=1, max=36_500, help="Days until it ends.")]


@app.command("create")
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is, such as shop-frontend.")],
    scope: Annotated[
        list[Scope] | None, typer.Option(help="What it may do, repeatable; admin includes the others. Default: read.")
    ] = None,
    days: Days = 365,
    rate: Annotated[
        int | None, typer.Option(min=1, max=1_000_000, help="Requests a minute; default: the settings'.")
    ] = None,
    tenant: Annotated[
        str | None, typer.Option(help="Whose store it opens: a folder of its own; default: the home folder's store.")
    ] = None,
) -> None:
    """Make a key and print it: stdout has nothing but the key."""
    now = time.time()
    issued = _ring(ctx).create(
        name,
        scope or (Scope.READ,),
        now=now,
        expires_at=now + days * _DAY_S,
        requests_per_minute=rate,
        tenant=tenant,
    )
    _show(ctx, issued)


@app.command("list")
def list_(ctx: typer.Context, output: options.OutputOption = Output.TABLE) -> None:
    """List all keys, also those that ended. Their secrets are kept nowhere."""
    out, now = globals_of(ctx).out, time.time()
    keys = _ring(ctx).all()
    if output is Output.JSON:
        print_json(out, json.dumps([_facts(key, now) for key in keys], indent=2))
        return
    table = Table(Column("id", no_wrap=True), "name", "tenant", "scopes", "ends", "a minute", "state")
    for key in keys:
        table.add_row(
            key.key_id,
            Text(key.name),
            key.tenant or "",
            ", ".join(key.scopes),
            _date(key.expires_at),
            "" if key.requests_per_minute is None else str(key.requests_per_minute),
            key.state(now),
        )
    out.print(table)


@app.command("revoke")
def revoke(ctx: typer.Context, key_id: Id) -> None:
    """End a key at once; a running service refuses it from the next request on."""
    key = _ring(ctx).revoke(key_id, now=time.time())
    globals_of(ctx).out.print(f"Revoked: {key.key_id} ({key.name}).", markup=False, highlight=False)


@app.command("rotate")
def rotate(
    ctx: typer.Context,
    key_id: Id,
    overlap_hours: Annotated[
        float, typer.Option(min=0, max=24 * 90, help="Hours for which the old one stays valid.")
    ] = 24.0,
    days: Days = 365,
) -> None:
    """Exchange a key for a new one of the same id and scopes; the old one stays valid for a while."""
    now = time.time()
    issued = _ring(ctx).rotate(key_id, now=now, expires_at=now + days * _DAY_S, overlap_s=overlap_hours * _HOUR_S)
    _show(ctx, issued)


def _ring(ctx: typer.Context) -> KeyRing:
    from service.keys.ring import KeyRing

    return KeyRing(globals_of(ctx).settings().home)


def _show(ctx: typer.Context, issued: Issued) -> None:
    given, key = globals_of(ctx), issued.key
    print_json(given.out, issued.text)
    given.err.print(
        f"Key {key.key_id} ({key.name}), {', '.join(key.scopes)}, until {_date(key.expires_at)}. It is shown once.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _facts(key: Key, now: float) -> dict[str, object]:
    return {**key.model_dump(mode="json", exclude={"secrets"}), "expires_at": key.expires_at, "state": key.state(now)}


def _date(at: float | None) -> str:
    return "never" if at is None else datetime.fromtimestamp(at, UTC).date().isoformat()
