"""The files of an adapter's folder, and what is said when one cannot be written."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ranking.errors import AdapterFolderError, TuningError
from ranking.tuning.manifest import ADAPTER_FILE, CARD_FILE, CHECKPOINT_FILE, PEFT_FILE, WEIGHTS_FILE
from retrieval.files import write_whole


def check_folder(folder: Path) -> None:
    """Raises AdapterFolderError if an adapter cannot be written here, TuningError if it would replace other files.

    Told before the work instead of after it; leaves nothing behind.
    """
    try:
        nearest = next(path for path in (folder, *folder.parents) if path.exists())
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as error:
        raise AdapterFolderError(
            f"no adapter can be written to {folder}: {error.strerror or error}; choose another folder"
        ) from error
    if not any((folder / name).exists() for name in (ADAPTER_FILE, CHECKPOINT_FILE)):
        for name in (WEIGHTS_FILE, PEFT_FILE, CARD_FILE):
            if (folder / name).exists():
                raise TuningError(
                    f"{folder} holds a {name} that tuning did not write and would replace; choose another folder"
                )


def write_part(path: Path, content: bytes, kept: str) -> None:
    """Replaces one of the folder's files at once; makes the folder.

    Raises AdapterFolderError, with what is kept, if the disk is full or cannot be written; the old file then stays.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as error:
        raise AdapterFolderError(
            f"{path.name} ({len(content) / 1e6:,.1f} MB) cannot be written to {path.parent}: "
            f"{error.strerror or error}. {kept}"
        ) from error
