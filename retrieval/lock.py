"""One process at a time: an operating-system lock that ends with the process, however it ends."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

from retrieval.errors import StoreBusyError, StoreError


def acquire(file: Path, *, busy: str, timeout: float = 0.0) -> FileLock:
    """Hold the lock of `file` until `release()` on the result, waiting at most `timeout` seconds.

    Raises StoreBusyError with the message `busy` while another holder has it, StoreError where the folder cannot be
    written. Two locks of one file exclude each other within one process as well.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # A soft lock would outlive a killed process; threads share the lock so that any of them may close the store.
        lock = FileLock(file, thread_local=False, fallback_to_soft=False)
        lock.acquire(timeout=timeout)
    except Timeout as error:
        raise StoreBusyError(busy) from error
    except (OSError, NotImplementedError) as error:
        raise StoreError(
            f"Folder {file.parent} cannot be locked ({error}). Make it writable, or set FEWREC_HOME to another folder."
        ) from error
    return lock
