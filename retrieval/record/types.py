"""What the record hands back about itself and its changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

IndexedKind: TypeAlias = Literal["items", "interactions", "demonstrations"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """What one write did, counted over distinct ids (an id given twice counts once, its last row wins)."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """Rows in the record."""

    items: int
    users: int
    interactions: int


@dataclass(frozen=True, kw_only=True, slots=True)
class InteractionColumns:
    """All interactions as parallel columns, sorted by user id, then time, then item id.

    `user_ids` and `item_ids` are the sorted ids that occur in at least one interaction; the index columns point
    into them.
    """

    user_ids: tuple[str, ...]
    item_ids: tuple[str, ...]
    user_index: npt.NDArray[np.int32]
    item_index: npt.NDArray[np.int32]
    timestamps: npt.NDArray[np.float64]
    liked: npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """A liked interaction with enough liked ones before it to be shown as a demonstration."""

    user_id: str
    item_id: str
    chosen_at: float
    before: tuple[str, ...]
    """Up to ten liked item ids just before the choice, oldest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexCounts:
    """Entries per collection of the index."""

    items: int
    interactions: int
    demonstrations: int
