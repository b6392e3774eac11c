"""What Chroma leaves in its folder after entries and collections were deleted, and how it goes.

Deleted rows stay in free pages of its SQLite file, and the folder of a dropped collection's graph stays as it was.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from retrieval.errors import StoreError, one_line

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
    """Overwrite free pages and remove graphs that belong to no collection. Chroma may stay open.

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


def _is_segment(name: str) -> bool:
    with suppress(ValueError):
        return str(UUID(name)) == name
    return False
