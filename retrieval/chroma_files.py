"""What Chroma leaves in its folder after entries and collections were deleted, and how it goes.

Deleted rows stay in free pages of its SQLite file, the folder of a dropped collection's graph stays as it was, and the
places of a small graph that hold no entry yet are written as the process's memory happened to be.
"""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from retrieval.errors import StoreError, one_line

_HEADER = struct.Struct("<i4Q")
"""Start of a graph's header.bin: version, offset, places, entries, bytes of a place in data_level0.bin."""
_LENGTH_BYTES = 4
DATABASE = "chroma.sqlite3"
_TIMEOUT_S = 600.0
# In a process of its own: a second SQLite library in this one would, on closing the file, drop Chroma's locks on it.
_VACUUM = """
import json, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
connection.execute("VACUUM")
print(json.dumps([row[0] for row in connection.execute("SELECT id FROM segments")]))
"""


def compact(folder: Path) -> None:
    """Take off the disk what belongs to nothing. Chroma may stay open, but nothing that was written may be under way.

    Raises StoreError where the file cannot be written, as while another transaction lasts.
    """
    if not (folder / DATABASE).exists():
        return
    command = [sys.executable, "-I", "-c", _VACUUM, str(folder / DATABASE)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True)  # noqa: S603 - ours
    except subprocess.SubprocessError as error:
        said = getattr(error, "stderr", None) or error
        raise StoreError(
            f"Index {folder}: what was deleted could not be taken off the disk ({one_line(str(said))[-200:]}). "
            "It is tried again at the next start."
        ) from error
    known = set(json.loads(done.stdout))
    for found in folder.iterdir():
        if found.is_dir() and _is_segment(found.name) and found.name not in known:
            shutil.rmtree(found)
    blank_unused(folder)


def blank_unused(folder: Path) -> None:
    """Overwrite the places of graphs that hold no entry with zeros; to be called under the conditions of `compact`."""
    for found in folder.iterdir() if folder.is_dir() else ():
        header = found / "header.bin"
        if not _is_segment(found.name) or not header.is_file():
            continue
        read = header.read_bytes()
        if len(read) < _HEADER.size:
            continue
        version, offset, _, entries, place = _HEADER.unpack_from(read)
        if (version, offset) == (1, 0):  # the one layout that we know
            _blank(found / "data_level0.bin", entries * place)
            _blank(found / "length.bin", entries * _LENGTH_BYTES)


def _blank(file: Path, start: int) -> None:
    if file.is_file() and (rest := file.stat().st_size - start) > 0:
        with file.open("r+b") as opened:
            opened.seek(start)
            opened.write(bytes(rest))


def _is_segment(name: str) -> bool:
    with suppress(ValueError):
        return str(UUID(name)) == name
    return False
