"""How likely a user is to take each paid item: the score that the signals would give it, calibrated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from ranking.calibration.curves import Numbers
from ranking.calibration.file import Fitted
from ranking.fusion import Spread, columns_of, spread_of
from ranking.settings import FusionWeights
from retrieval.board import Flags, PaidItems, Places
from retrieval.types import Evidence, Retrieved


@dataclass(frozen=True, kw_only=True, slots=True)
class Chances:
    """From retrieval's evidence to probabilities, as they were fitted for the signals alone."""

    weights: FusionWeights
    unseen: Literal["least", "neutral"]
    fitted: Fitted

    def of(self, retrieved: Retrieved, evidence: Evidence, items: PaidItems, *, wanted: Flags, least: float) -> Numbers:
        """Of each item to be taken next by the user of the request; shape (n_items,), in the order of the items.

        A signal is standardised by the candidates of the user's own list, so that a paid item's score is what it would
        have been among them. 0 for items that are not `wanted`, and for those that cannot reach the probability
        `least`, which is seen before the similarities are taken: of many items that is most of the work.
        """
        terms, rows = self._terms(retrieved), np.flatnonzero(wanted)
        scores = np.zeros(len(rows))
        for name, values in _cheap(evidence, items, rows, neutral=self.unseen == "neutral").items():
            if (term := terms.get(name)) is not None:
                scores += term.of(values)
        term = terms.get("similarity")
        if term is not None and evidence.liked and items.indexed.any():
            most = max(0.0, *term.of(np.array([-1.0, 1.0])))
            likely = self.fitted.curve.probability(scores + most) >= least
            rows, scores = rows[likely], scores[likely]
            nearest = (np.stack(list(evidence.liked.values())) @ items.vectors[rows].T).max(axis=0, initial=-1.0)
            scores += term.of(np.where(items.indexed[rows], nearest, np.nan))
        found = np.zeros(len(items.places))
        found[rows] = self.fitted.curve.probability(scores)
        return found

    def _terms(self, retrieved: Retrieved) -> Mapping[str, _Term]:
        signals = [candidate.signals for candidate in retrieved.candidates]
        columns = columns_of(None, signals, self.weights, unseen=self.unseen)
        spreads = [(column, spread_of(column.values)) for column in columns]
        return {column.name: _Term(column.weight, spread) for column, spread in spreads if spread is not None}


class _Term(NamedTuple):
    """A signal's share in the score."""

    weight: float
    spread: Spread

    def of(self, values: Numbers) -> Numbers:
        """NaN, which could not be measured, adds nothing."""
        added: Numbers = np.nan_to_num(self.weight * (values - self.spread.mean) / self.spread.deviation)
        return added


def _cheap(evidence: Evidence, items: PaidItems, rows: Places, *, neutral: bool) -> Mapping[str, Numbers]:
    """What needs no vector, as retrieval.signals measures one item; NaN where there is nothing to measure on.

    No item is in the history.
    """
    places = items.places[rows]
    users = evidence.users()
    taken = np.where(places >= 0, users[places], 0.0) if len(users) else np.zeros(len(places))
    found = {"popularity": np.log1p(np.where((taken == 0) & neutral, np.nan, taken))}
    if evidence.together is not None:
        found["cooccurrence"] = np.where(taken > 0, evidence.together[places], np.nan)
    if evidence.alike is not None:
        found["latent"] = np.where(places >= 0, evidence.alike[places], np.nan)
    if evidence.worded is not None:
        found["bm25"] = evidence.worded.at([items.item_ids[row] for row in rows])
    return found
