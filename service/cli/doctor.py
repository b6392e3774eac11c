"""`fewrec doctor`: looks at everything a recommendation needs and says how to mend what is wrong."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer
from rich.table import Table
from rich.text import Text

from retrieval.errors import one_line
from service.cli import options
from service.cli.context import Output, globals_of, print_json

if TYPE_CHECKING:
    from ranking.settings import Settings

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}
_GIB = 1024**3
_MEMORY_WANTED = 2 * _GIB
"""The default models, torch and a packed pass over 20 candidates take about this much."""
_DISK_WANTED = 1 * _GIB


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What one check found. `mend` says what to do; None where there is nothing to do."""

    check: str
    state: Literal["ok", "warn", "fail"]
    detail: str
    mend: str | None = None


def doctor(ctx: typer.Context, output: options.OutputOption = Output.TABLE) -> None:
    """Check models, record, index, memory and disk; ends with the first failure's code."""
    from service.exit_codes import ExitCode

    given = globals_of(ctx)
    settings = given.settings()
    found: list[Finding] = []
    worst: int = ExitCode.OK
    for name, check in CHECKS:
        finding, code = _run(name, check, settings)
        found.append(finding)
        worst = worst or code
    if output is Output.JSON:
        print_json(given.out, json.dumps([dataclasses.asdict(finding) for finding in found], indent=2))
    else:
        given.out.print(_table(found))
    if worst:
        raise typer.Exit(worst)


def _run(name: str, check: Callable[[Settings], Finding], settings: Settings) -> tuple[Finding, int]:
    from service.exit_codes import ExitCode, exit_code_of

    try:
        finding = check(settings)
    except Exception as error:  # noqa: BLE001 - a broken part is this command's subject; the other checks go on
        detail = one_line(error) or type(error).__name__
        return Finding(check=name, state="fail", detail=detail), exit_code_of(error)
    return finding, ExitCode.FAILURE if finding.state == "fail" else ExitCode.OK


def check_memory(_: Settings) -> Finding:
    """Free memory, against what the default models need."""
    import psutil

    free = psutil.virtual_memory().available
    detail = f"{free / _GIB:.1f} GiB free"
    if free < _MEMORY_WANTED:
        return Finding(check="memory", state="warn", detail=detail, mend="About 2 GiB are needed; close something.")
    return Finding(check="memory", state="ok", detail=detail)


def check_folders(settings: Settings) -> Finding:
    """Whether the home and cache folders can be written, and the room that is left."""
    for folder in (settings.home, settings.cache):
        there = _nearest_existing(folder)
        if not os.access(there, os.W_OK):
            mend = "Make it writable, or set FEWREC_HOME and FEWREC_CACHE to other folders."
            return Finding(check="folders", state="fail", detail=f"{there} cannot be written", mend=mend)
    free = shutil.disk_usage(_nearest_existing(settings.cache)).free
    detail = f"{settings.home} and {settings.cache}, {free / _GIB:.1f} GiB free"
    if free < _DISK_WANTED:
        return Finding(check="folders", state="warn", detail=detail, mend="A prepared model takes 0.3 GiB and more.")
    return Finding(check="folders", state="ok", detail=detail)


def check_template(settings: Settings) -> Finding:
    """Whether the prompt template loads."""
    from ranking.factory import choose_template, served_settings

    ref = choose_template(served_settings(settings)).ref
    return Finding(check="template", state="ok", detail=f"{ref.name} v{ref.version} {ref.language} ({ref.digest})")


def check_model(settings: Settings) -> Finding:
    """Whether the language model is there; compares sizes (`fewrec models verify` compares checksums)."""
    from ranking.errors import ModelError
    from ranking.models.prepare import locate
    from ranking.models.registry import PACKAGED

    name = settings.model.name
    if name in PACKAGED:
        PACKAGED[name].source()
    try:
        folder = locate(name, settings.cache)
    except ModelError as error:
        detail = one_line(error)
        state: Literal["warn", "fail"] = (
            "warn" if name in PACKAGED else "fail"
        )  # packaged ones are prepared on first use
        return Finding(check="language model", state=state, detail=detail, mend=f"fewrec models prepare {name}")
    return Finding(check="language model", state="ok", detail=f"{name} in {folder}")


def check_embedder(settings: Settings) -> Finding:
    """Whether the embedding model is there and undamaged."""
    from retrieval.embedder import SentenceEmbedder

    digest = SentenceEmbedder(settings.embedder.model, settings.embedder.batch_size).verify()
    return Finding(check="embedding model", state="ok", detail=f"{settings.embedder.model}, SHA-256 {digest[:12]}…")


def check_record(settings: Settings) -> Finding:
    """Whether the record opens, and what it holds."""
    from retrieval.record import Record

    record = Record.open(settings.record_url or str(settings.home / "record.db"))
    try:
        counts = record.counts()
    finally:
        record.close()
    detail = f"{counts.items} items, {counts.users} users, {counts.interactions} interactions"
    if counts.items == 0:
        return Finding(
            check="record", state="warn", detail="empty", mend="Import a catalogue: fewrec import --items FILE"
        )
    return Finding(check="record", state="ok", detail=detail)


def check_index(settings: Settings) -> Finding:
    """Whether the index mirrors the record."""
    from ranking.factory import open_settings_store

    with open_settings_store(settings) as store:
        found = store.status()
    if found.record.items == 0:
        return Finding(check="index", state="ok", detail="nothing to index yet")
    if found.problem is not None:
        return Finding(check="index", state="fail", detail=found.problem, mend="fewrec index rebuild")
    return Finding(check="index", state="ok", detail=f"{found.index.items} items, built with {found.index_embedder}")


CHECKS: tuple[tuple[str, Callable[[Settings], Finding]], ...] = (
    ("folders", check_folders),
    ("memory", check_memory),
    ("language model", check_model),
    ("embedding model", check_embedder),
    ("template", check_template),
    ("record", check_record),
    ("index", check_index),
)


def _nearest_existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.absolute().parents) if place.exists())


def _table(found: list[Finding]) -> Table:
    table = Table(title="Doctor", title_justify="left")
    table.add_column("check", style="bold")
    table.add_column("state")
    table.add_column("what", overflow="fold")
    table.add_column("what to do", overflow="fold")
    for finding in found:
        state = Text(finding.state, style=_STYLES[finding.state])
        table.add_row(finding.check, state, Text(finding.detail), Text(finding.mend or ""))
    return table
