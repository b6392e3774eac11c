"""What evaluation assumes of an arm's parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from evaluation.types import Case, Ranked

Scores = npt.NDArray[np.float64]


class Baseline(Protocol):
    """A ranker without an LLM, fitted on training data when it is built. Vectorised over cases."""

    def score(self, cases: Sequence[Case]) -> list[Scores]:
        """One array per case, shape (n_candidates,), in the case's order of candidates; finite, higher is better.

        A case's scores do not depend on the other cases. Items and users that the training data lacks get the score
        that the method gives to something it knows nothing of.
        """


class Ranker(Protocol):
    """An arm ready to run: a baseline or an LLM recommender."""

    @property
    def name(self) -> str:
        """The arm's name in the configuration, with its grid values."""

    async def rank(self, cases: Sequence[Case]) -> list[Ranked]:
        """One answer per case, in order, whatever the batch."""
