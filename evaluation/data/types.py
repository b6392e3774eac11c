"""A data set in memory, and its parts: what may be known, what is asked in validation, what is asked in the test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrieval.types import Item, PastItem, User

Mask = npt.NDArray[np.bool_]
_DAY_S = 86_400.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Corpus:
    """A data set: the catalogue, the users, and the interactions as parallel columns.

    The columns are sorted by user id, then time, then item id; the index columns point into the sorted ids.
    """

    name: str
    items: Mapping[str, Item]
    users: Mapping[str, User]
    item_ids: tuple[str, ...]
    """Sorted; the whole catalogue."""
    user_ids: tuple[str, ...]
    """Sorted; the users with at least one interaction."""
    user_index: npt.NDArray[np.int32]
    item_index: npt.NDArray[np.int32]
    timestamps: npt.NDArray[np.float64]
    liked: npt.NDArray[np.bool_]
    ratings: npt.NDArray[np.float64]
    """NaN for implicit feedback."""
    digest: str
    """SHA-256 over items, users and interactions; what a run stores and compares."""

    @property
    def dated(self) -> bool:
        """Whether timestamps are moments in time; data without any have the place in the user's sequence instead.

        No sequence is a day long, in seconds, and no interaction is as old as the first day of 1970.
        """
        return bool(len(self.timestamps)) and float(self.timestamps.max()) > _DAY_S


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldOut:
    """Something that happened and is asked for, before it is known among which candidates."""

    case_id: str
    user_id: str | None
    history: tuple[PastItem, ...]
    target: str | None = None
    label: float | None = None
    """With a label, `candidates` names the one item it belongs to."""
    candidates: tuple[str, ...] | None = None
    """Item ids, where the data set itself gives the candidates; None where the protocol chooses them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """Who may know what. The masks run over the corpus's interactions.

    Test targets are in neither mask, validation targets not in `fitting_known`. The sequences may be lazy: they can be
    read again and again, and hold one element in memory at a time.
    """

    known: Mask
    """Interactions known when the test cases are asked."""
    test: Sequence[HeldOut]
    fitting_known: Mask
    """Interactions known when the validation cases are asked."""
    validation: Sequence[HeldOut]
