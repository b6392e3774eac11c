"""Baselines that compare no items: random, popularity, recency, and how much of the past was liked."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from evaluation.baselines.encoding import Encoder, Taken
from evaluation.protocol import Scores
from evaluation.types import Case, Training
from retrieval.behaviour import SECONDS_A_DAY


class Random:
    """A uniform number in [0, 1) from a hash of seed, case id and item id."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def score(self, cases: Sequence[Case]) -> list[Scores]:
        """See Baseline."""
        return [self._one(case) for case in cases]

    def _one(self, case: Case) -> Scores:
        # Lengths go in as well, so that no two pairs of ids read the same.
        start = blake2b(f"{self._seed}|random|{len(case.case_id)}|{case.case_id}|".encode(), digest_size=8)
        digests = b"".join(_extended(start, item.item_id) for item in case.candidates)
        return (np.frombuffer(digests, dtype="<u8") >> np.uint64(11)).astype(np.float64) / 2.0**53


def _extended(start: blake2b, text: str) -> bytes:
    hasher = start.copy()
    hasher.update(text.encode())
    return hasher.digest()


class ByItem:
    """One fixed score per item, shape (n_items + 1,); the last is for items that the training data lacks."""

    def __init__(self, encoder: Encoder, scores: Scores) -> None:
        self._encoder = encoder
        self._scores = scores

    def score(self, cases: Sequence[Case]) -> list[Scores]:
        """See Baseline."""
        batch = self._encoder.encode(cases)
        return batch.split(self._scores[batch.candidates])


class LikedShare:
    """Share of the history that was liked, in [0, 1], for each candidate alike; one half where nothing is known.

    It orders no list. Of labelled cases it is the guess that knows the user and nothing of the item, so what it reaches
    is no merit of a ranker.
    """

    def score(self, cases: Sequence[Case]) -> list[Scores]:
        """See Baseline."""
        return [np.full(len(case.candidates), _liked_share(case)) for case in cases]


def _liked_share(case: Case) -> float:
    return sum(past.liked for past in case.history) / len(case.history) if case.history else 0.5


def popularity(training: Training) -> ByItem:
    """Number of training users who took the item; 0 for an unknown one."""
    return ByItem(Encoder(training), Taken(training).counts)


def recency(training: Training) -> ByItem:
    """Days from the item's latest training interaction to the latest of all, negated: 0 is the freshest.

    An item that nobody took, or that is unknown, comes a day behind the stalest one.
    """
    times = training.timestamps
    latest = np.full(len(training.item_ids) + 1, -np.inf)
    np.maximum.at(latest, training.item_index, times)
    first, last = (float(times.min()), float(times.max())) if times.size else (0.0, 0.0)
    never = first - last - SECONDS_A_DAY
    days = np.where(np.isfinite(latest), latest - last, never) / SECONDS_A_DAY
    return ByItem(Encoder(training), days)
