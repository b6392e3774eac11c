"""Retrieval's signals as digits: where in the catalogue a candidate stands, on no data set's own scale. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evaluation.statistics.error_bars import Values
from retrieval.protocol import Vectors
from retrieval.types import Candidate, Evidence

_CLASSES = 9


def digits(evidence: Evidence, candidates: Sequence[Candidate], vectors: Vectors, *, latent: bool) -> list[str]:
    """The signals of each candidate in words, such as "popular 8, together 0, alike 5", in order.

    0 is no evidence at all: nobody took the item, or nobody took it together with the user's, or there is nothing to
    compare. 1 to 9 is the ninth of the items with any evidence that it stands in, 9 the highest. `vectors` are those of
    the whole catalogue, shape (n_items, dimension). The user's own interactions are in no count, as retrieval measures
    it; what latent factors are made of holds them, as far as they lie before the moment, so data without dates go
    without: `latent` says whether they are shown.
    """
    signals = [candidate.signals for candidate in candidates]
    liked = list(evidence.liked.values())
    alike = (vectors @ np.stack(liked).T).max(axis=1) if liked else None
    columns = {
        "popular": _digits([one.log_popularity or None for one in signals], _some(np.log1p(evidence.users()))),
        "together": _digits([one.cooccurrence or None for one in signals], _some(evidence.together)),
        "alike": _digits([one.similarity_max for one in signals], alike),
    }
    if latent:
        factors = None if evidence.alike is None else evidence.alike[~np.isnan(evidence.alike)]
        columns["taste"] = _digits([one.latent for one in signals], factors)
    rows = zip(*columns.values(), strict=True)
    return [", ".join(f"{name} {digit}" for name, digit in zip(columns, row, strict=True)) for row in rows]


def _some(values: Values | None) -> Values | None:
    return None if values is None else values[values > 0]


def _digits(values: Sequence[float | None], catalogue: Values | Vectors | None) -> list[int]:
    if catalogue is None or not len(catalogue):
        return [0] * len(values)
    known = np.sort(catalogue)
    return [0 if value is None else _ninth(int(np.searchsorted(known, value)), len(known)) for value in values]


def _ninth(below: int, n: int) -> int:
    return 1 + min(_CLASSES - 1, _CLASSES * below // n)
