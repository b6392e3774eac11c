"""What every command is given: the global options, the two consoles, and the settings they lead to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import typer
from rich.console import Console

if TYPE_CHECKING:
    from ranking.settings import Settings
    from retrieval.record import Record


class Output(StrEnum):
    """For whom a command prints."""

    TABLE = "table"
    JSON = "json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Globals:
    """The options before the command's name."""

    config: Path | None
    home: Path | None
    debug: bool
    out: Console
    """What was asked for."""
    err: Console
    """Progress, notes and errors."""

    def settings(self, **flags: Any) -> Settings:
        """Defaults, under the environment, under the settings file, under these flags (None is not set)."""
        from ranking.settings import load_settings

        return load_settings(self.config, home=self.home, **flags)


def globals_of(ctx: typer.Context) -> Globals:
    """The options that the main callback stored."""
    return cast(Globals, ctx.find_root().obj)


@contextmanager
def open_record(given: Globals) -> Iterator[Record]:
    """The record alone, which other processes may have open too."""
    with open_record_of(given.settings()) as record:
        yield record


@contextmanager
def open_record_of(settings: Settings) -> Iterator[Record]:
    """The same, where the settings are other than those of the global options alone."""
    from retrieval.record import Record

    record = Record.open(settings.record_url or str(settings.home / "record.db"))
    try:
        yield record
    finally:
        record.close()


def print_json(out: Console, text: str) -> None:
    """JSON for programs: as it is, without colours, wrapping or markup."""
    out.file.write(text + "\n")
    out.file.flush()
