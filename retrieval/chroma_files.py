"""What Chroma leaves in its folder after entries and collections were deleted, and how it goes.

Deleted rows stay in free pages of its SQLite file, the folder of a dropped collection's graph stays as it was, and the
places of a small graph that hold no entry yet are written as the process's memory happened to be.
"""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from retrieval.errors import StoreError, one_line
from retrieval.ids import SEPARATOR

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
named = ("embeddings_queue WHERE id", "embeddings WHERE embedding_id")
found = [
    user
    for user, first, end in json.load(sys.stdin)
    if any(connection.execute(f"SELECT 1 FROM {one} >= ? AND {one.split()[-1]} < ?", (first, end)).fetchone()
           for one in named)
    or connection.execute("SELECT 1 FROM embedding_metadata WHERE key = 'user_id' AND string_value = ?",
                          (user,)).fetchone()
]
print(json.dumps([[row[0] for row in connection.execute("SELECT id FROM segments")], found]))
"""


def compact(folder: Path, user_ids: Sequence[str] = ()) -> frozenset[str]:
    """Take off the disk what belongs to nothing; which of these users its files still name.

    Chroma may stay open, but nothing that was written may be under way. Raises StoreError where the file cannot be
    written, as while another transaction lasts.
    """
    if not (folder / DATABASE).exists():
        return frozenset()
    command = [sys.executable, "-I", "-c", _VACUUM, str(folder / DATABASE)]
    # Ids of pairs begin with the user's; the character after the separator ends their range.
    asked = json.dumps([[one, one + SEPARATOR, one + chr(ord(SEPARATOR) + 1)] for one in user_ids])
    try:
        done = subprocess.run(  # noqa: S603 - ours
            command, input=asked, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True
        )
    except subprocess.SubprocessError as error:
        said = getattr(error, "stderr", None) or error
        raise StoreError(
            f"Index {folder}: what was deleted could not be taken off the disk ({one_line(str(said))[-200:]}). "
            "It is tried again at the next start."
        ) from error
    known, named = json.loads(done.stdout)
    for found in folder.iterdir():
        if found.is_dir() and _is_segment(found.name) and found.name not in known:
            shutil.rmtree(found)
    blank_unused(folder)
    return frozenset(named) | _named_by_graphs(folder, user_ids)


def _named_by_graphs(folder: Path, user_ids: Sequence[str]) -> frozenset[str]:
    """Users whose entries a graph's pickle names: a string of it stands behind its length, of one byte or of four."""
    told = [file.read_bytes() for file in folder.glob("*/index_metadata.pickle")]
    return frozenset(
        user_id
        for user_id in user_ids
        for name in (re.escape(f"{user_id}{SEPARATOR}".encode()),)
        if any(re.search(rb"(?:\x8c.|X....)" + name, one, re.DOTALL) for one in told)
    )


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
