"""How likely a user is to take each paid item: the score that the signals would give it, calibrated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ranking.calibration.curves import Numbers
from ranking.calibration.file import Fitted
from ranking.fusion import columns_of, spread_of
from ranking.settings import FusionWeights
from retrieval.board import Flags, PaidItems
from retrieval.types import Evidence, Retrieved


@dataclass(frozen=True, kw_only=True, slots=True)
class Chances:
    """From retrieval's evidence to probabilities, as they were fitted for the signals alone."""

    weights: FusionWeights
    unseen: Literal["least", "neutral"]
    fitted: Fitted

    def of(self, retrieved: Retrieved, evidence: Evidence, items: PaidItems) -> Numbers:
        """Of each item to be taken next by the user of the request; shape (n_items,), in the order of the items.

        A signal is standardised by the candidates of the user's own list, so that a paid item's score is what it would
        have been among them.
        """
        measured = _measured(evidence, items)
        if self.unseen == "neutral":
            measured = {**measured, "popularity": _where(measured["popularity"] > 0, measured["popularity"])}
        scores = np.zeros(len(items.places))
        signals = [candidate.signals for candidate in retrieved.candidates]
        for column in columns_of(None, signals, self.weights, unseen=self.unseen):
            spread, values = spread_of(column.values), measured.get(column.name)
            if spread is not None and values is not None:
                scores += column.weight * np.nan_to_num((values - spread.mean) / spread.deviation)
        return self.fitted.curve.probability(scores)


def _measured(evidence: Evidence, items: PaidItems) -> Mapping[str, Numbers]:
    """As retrieval.signals measures one item; NaN where there is nothing to measure on. No item is in the history."""
    users, places = evidence.users(), items.places
    taken = np.where(places >= 0, users[places], 0.0) if len(users) else np.zeros(len(places))
    found = {"popularity": np.log1p(taken)}
    if evidence.liked and items.indexed.any():
        nearest = (items.vectors @ np.stack(list(evidence.liked.values())).T).max(axis=1)
        found["similarity"] = _where(items.indexed, nearest.astype(np.float64))
    if evidence.together is not None:
        found["cooccurrence"] = _where(taken > 0, evidence.together[places])
    return found


def _where(known: Flags, values: Numbers) -> Numbers:
    return np.where(known, values, np.nan)
