"""What a run depends on, as digests by part: the same run may go on in a folder, another may not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from ranking.errors import TuningError


def digests(parts: Mapping[str, object]) -> dict[str, str]:
    """First 16 hex digits of the SHA-256 of each part as JSON."""
    return {
        name: hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
        for name, value in parts.items()
    }


def must_agree(folder: Path, there: Mapping[str, str], here: Mapping[str, str]) -> None:
    """Raises TuningError, naming the parts that differ, if the folder holds another run than this one."""
    other = [name for name in here if there.get(name) != here[name]]
    if other:
        raise TuningError(
            f"{folder} holds a run with other {' and '.join(other)}; choose another folder, or remove that one to tune "
            f"anew"
        )
