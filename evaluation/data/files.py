"""Finding a data set's files, and saying of a row why it cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from retrieval.errors import InputError
from retrieval.importing.tables import Row, Table


def look_for(folder: Path, name: str) -> Path | None:
    """The file of that name, or its .gz, or None."""
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


def find(folder: Path, name: str) -> Path:
    """The file of that name, or its .gz. Raises InputError naming both and --data-dir."""
    path = look_for(folder, name)
    if path is not None:
        return path
    raise InputError(f"there is no file {name} (nor {name}.gz) in {folder}; pass the folder that has it: --data-dir")


def needed(path: Path) -> Path:
    """The path of a file that is there. Raises InputError naming it and --data-dir."""
    if not path.is_file():
        raise InputError(f"there is no file {path}; relative paths start at --data-dir, else at the configuration")
    return path


def readable(table: Table) -> Iterator[Row]:
    """Rows of a table whose every row counts. Raises InputError for the first that cannot be read."""
    for row in table.rows():
        if not isinstance(row, Row):
            raise InputError(f"{table.name}, line {row.line}: {row.reason}")
        yield row


def place_of(places: dict[str, int], item_id: str, table: Table, line: int) -> int:
    """Where an item stands in the catalogue. Raises InputError for one that is not in it."""
    place = places.get(item_id)
    if place is None:
        raise InputError(f"{table.name}, line {line}: item {item_id!r} is not in the catalogue")
    return place
