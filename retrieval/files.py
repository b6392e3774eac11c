"""Files that are written whole or not at all, and that last."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Replaces a file at once: after a crash it holds the old content or the new one. One process at a time.

    Raises OSError if the disk is full or cannot be written; the old file then stays.
    """
    draft = path.with_name(f".{path.name}.draft")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def to_disk(path: Path) -> None:
    """A file's content, or a folder's names, outlive the machine from here on."""
    if path.is_dir() and os.name == "nt":
        return  # pragma: no cover - there is no such call for folders
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
