"""`fewrec backup` and `fewrec restore`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.context import globals_of

if TYPE_CHECKING:
    from service.backup.archive import Manifest

File = Annotated[Path, typer.Argument(metavar="FILE", help="Ends in .tar.zst or .tar.gz.")]


def backup(ctx: typer.Context, file: File) -> None:
    """Write the record and the promoted adapters into one new file; a running service goes on.

    Keys are not in it, and the index is not, which is rebuilt from the record.
    """
    from service.backup.backup import back_up

    given = globals_of(ctx)
    settings = given.settings()
    made = back_up(settings.home, settings.record_url, file)
    size = file.stat().st_size / 1e6
    given.out.print(
        f"Backed up {_counts(made)} into {file} ({size:.1f} MB).", markup=False, highlight=False, soft_wrap=True
    )


def restore(
    ctx: typer.Context,
    file: File,
    discard_newer: Annotated[
        bool, typer.Option("--discard-newer", help="Throw away what was added, changed or deleted since the backup.")
    ] = False,
) -> None:
    """Put a backup in the place of the store and rebuild the index. Stop the service first.

    Refuses, and says what would be lost, where something changed since the backup.
    """
    from ranking.factory import open_settings_store
    from service.backup.backup import place_of
    from service.backup.restore import restore as put_back
    from service.cli.progress import bars

    given = globals_of(ctx)
    settings = given.settings()
    record = place_of(settings.home, settings.record_url)
    # Open, so that no other process serves from it meanwhile.
    with open_settings_store(settings) as store, bars(given.err) as progress:
        done = put_back(settings.home, record, file, discard_newer=discard_newer)
        undone = "" if done.undone.told is None else f" Undone: {done.undone.told}."
        given.out.print(
            f"Restored {_counts(done.manifest)} of {done.manifest.made_at}.{undone} Rebuilding the index; broken off, "
            "that is done by: fewrec index rebuild",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        store.rebuild(progress)
    if any(table.kind == "users" and table.deleted for table in done.undone.tables):
        given.err.print("Users who were erased since the backup are back: erase them again.", highlight=False)


def _counts(manifest: Manifest) -> str:
    return f"{manifest.items} items, {manifest.users} users, {manifest.interactions} interactions"
