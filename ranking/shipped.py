"""The adapter that comes with FewRec: for the packaged model, tuned on catalogues of several kinds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator

SHIPPED = "shipped"
"""What settings and configurations call it by."""
SHIPPED_FOLDER = Path(__file__).parent / "adapters" / "films-and-goods"


def _folder(value: object) -> object:
    return SHIPPED_FOLDER if value == SHIPPED else value


AdapterFolder: TypeAlias = Annotated[Path, BeforeValidator(_folder)]
"""A folder of an adapter, or the word "shipped"."""
