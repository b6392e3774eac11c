"""The journal of a run: one line of JSON per arm and case, appended in blocks that are on the disk once written.

A process that is killed while it writes leaves a torn last line; it is cut off when the journal is opened again.
"""

from __future__ import annotations

import contextlib
import errno
import os
from array import array
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from evaluation.errors import RunFolderError
from evaluation.types import Contract, LlmTrace, Outcome, Ranked
from retrieval.closing import Closing

FILE_NAME = "cases.jsonl"
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_TAIL = 1 << 16
_NESTED = frozenset({"tags", "order", "ranked"})

Keys = npt.NDArray[np.uint64]


class Journal(Closing):
    """Appends outcomes to `cases.jsonl`. One process at a time: the run folder's lock sees to it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        try:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            self._end = _cut_torn_line(self._file)
        except OSError as error:
            raise RunFolderError(f"cannot open the journal {self.path}: {error.strerror}") from error

    def append(self, outcomes: Iterable[Outcome]) -> None:
        """Writes a block. Once this returns, the block outlives the process and the machine; else it is not there."""
        data = b"".join([orjson.dumps(outcome, option=orjson.OPT_APPEND_NEWLINE) for outcome in outcomes])
        try:
            written = 0
            while written < len(data):
                written += os.write(self._file, data[written:])
            os.fsync(self._file)
        except OSError as error:
            # If even this fails, the torn line is cut off when the journal is opened again.
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._end)
            raise RunFolderError(_unwritten(self.path, error)) from error
        self._end += len(data)

    def close(self) -> None:
        """Closes the file."""
        os.close(self._file)


def read_outcomes(folder: Path, arm: str | None = None) -> Iterator[Outcome]:
    """The journal's outcomes in the order they were written, one in memory at a time; of one arm, or of all.

    A torn last line, left by a process that was killed or that still writes, is left out. Raises RunFolderError naming
    the line for any other line that cannot be read.
    """
    for number, line in _lines(folder / FILE_NAME):
        try:
            record = orjson.loads(line)
            if arm is None or record["arm"] == arm:
                yield _outcome(record)
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise RunFolderError(_unreadable(folder, number, error)) from error


def read_keys(folder: Path) -> dict[str, Keys]:
    """For every arm with outcomes, the sorted keys (see `key_of`) of its cases: 8 bytes a case."""
    found: dict[str, array[int]] = {}
    for number, line in _lines(folder / FILE_NAME):
        try:
            record = orjson.loads(line)
            found.setdefault(record["arm"], array("Q")).append(key_of(record["scenario"], record["case_id"]))
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise RunFolderError(_unreadable(folder, number, error)) from error
    return {arm: np.sort(np.frombuffer(keys, dtype=np.uint64)) for arm, keys in found.items()}


def key_of(scenario: str, case_id: str) -> int:
    """64 bits that stand for a case: two of 100,000 cases share them with a chance of 3 in 10,000,000,000."""
    return int.from_bytes(sha256(f"{len(scenario)}|{scenario}|{case_id}".encode()).digest()[:8], "big")


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.endswith(b"\n"):
                    yield number, line
    except FileNotFoundError:
        return
    except OSError as error:
        raise RunFolderError(f"cannot read the journal {path}: {error.strerror}") from error


def _outcome(record: dict[str, Any]) -> Outcome:
    ranked = record["ranked"]
    llm = ranked["llm"]
    return Outcome(
        **{name: value for name, value in record.items() if name not in _NESTED},
        tags=tuple(record["tags"]),
        order=tuple(record["order"]),
        ranked=Ranked(
            scores=tuple(ranked["scores"]),
            contract=Contract(**ranked["contract"]),
            llm=None if llm is None else _trace(llm),
            seconds=ranked["seconds"],
        ),
    )


def _trace(record: dict[str, Any]) -> LlmTrace:
    rest = {name: value for name, value in record.items() if name not in {"raw", "llm_scores", "written"}}
    return LlmTrace(
        **rest,
        raw=tuple(tuple(row) for row in record["raw"]),
        llm_scores=tuple(record["llm_scores"]),
        written=tuple(record.get("written", ())),
    )


def _cut_torn_line(file: int) -> int:
    """Shortens a journal to its last whole line; its size afterwards."""
    size = os.fstat(file).st_size
    keep = size
    while keep > 0:
        start = max(0, keep - _TAIL)
        newline = os.pread(file, keep - start, start).rfind(b"\n")
        if newline >= 0:
            keep = start + newline + 1
            break
        keep = start
    if keep < size:
        os.ftruncate(file, keep)
    return keep


def _unreadable(folder: Path, number: int, error: Exception) -> str:
    return (
        f"line {number} of {folder / FILE_NAME} is not an outcome ({error}); remove that line and run the same "
        "command again, which computes it anew"
    )


def _unwritten(path: Path, error: OSError) -> str:
    if error.errno in _DISK_FULL:
        return (
            f"the disk is full: a block of outcomes does not fit into {path}. All before it are kept; free some space "
            "and run the same command again to go on"
        )
    return f"cannot write to {path}: {error.strerror}. All outcomes before this are kept; run the same command to go on"
