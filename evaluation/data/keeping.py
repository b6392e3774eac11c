"""Folders that are built once and kept: whole or not there, whenever the process that builds them is killed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from retrieval.errors import StoreError
from retrieval.lock import acquire

WAIT_S = 3600.0
"""How long a process waits for another one that builds the same folder."""


def keep(folder: Path, build: Callable[[Path], None]) -> Path:
    """`folder`, built by `build` into a folder beside it and renamed when that is done, if it is not there yet.

    Raises StoreError where the disk does not take it, StoreBusyError where another process builds it for an hour.
    """
    if folder.is_dir():
        return folder
    busy = f"Another process has been building {folder} for an hour. Wait for it, or end it and try again."
    lock = acquire(folder.with_name(f"{folder.name}.lock"), busy=busy, timeout=WAIT_S)
    part = folder.with_name(f"{folder.name}.part")
    try:
        if not folder.is_dir():
            shutil.rmtree(part, ignore_errors=True)  # what a killed process left
            part.mkdir()
            build(part)
            part.replace(folder)
    except OSError as error:
        raise StoreError(f"Folder {folder} cannot be built ({error}). Free some space, or set FEWREC_CACHE.") from error
    finally:
        lock.release()
    return folder
