"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from ranking.errors import TuningError


def write_whole(path: Path, content: bytes, kept: str) -> None:
    """Replaces a file at once: after a crash it holds the old content or the new one.

    Raises TuningError, with what is kept, if the disk is full or cannot be written; the old file then stays.
    """
    draft = path.with_name(f".{path.name}.draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with draft.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise TuningError(
            f"{path.name} ({len(content) / 1e6:,.1f} MB) cannot be written to {path.parent}: "
            f"{error.strerror or error}. {kept}"
        ) from error
