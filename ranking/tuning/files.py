"""The files of an adapter's folder, and what is said when one cannot be written."""

from __future__ import annotations

from pathlib import Path

from ranking.errors import TuningError
from retrieval.files import write_whole


def write_part(path: Path, content: bytes, kept: str) -> None:
    """Replaces one of the folder's files at once; makes the folder.

    Raises TuningError, with what is kept, if the disk is full or cannot be written; the old file then stays.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as error:
        raise TuningError(
            f"{path.name} ({len(content) / 1e6:,.1f} MB) cannot be written to {path.parent}: "
            f"{error.strerror or error}. {kept}"
        ) from error
