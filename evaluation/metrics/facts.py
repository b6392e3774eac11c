"""What some metrics must know of the catalogue and of the arms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evaluation.types import Training


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """The catalogue as columns."""

    item_ids: tuple[str, ...]
    """Sorted."""
    counts: npt.NDArray[np.int64]
    """Training interactions of each item."""
    vectors: npt.NDArray[np.float32] | None = None
    """Unit rows, in the order of item_ids; None leaves diversity undefined."""


def facts_of(training: Training) -> Facts:
    """The facts that training data holds."""
    counts = np.bincount(training.item_index, minlength=len(training.item_ids)).astype(np.int64)
    return Facts(item_ids=training.item_ids, counts=counts, vectors=training.vectors)
