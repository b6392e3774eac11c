"""What an arm recommends, apart from being right: how much of the catalogue, how novel, how varied, how popular."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evaluation.metrics.columns import NOTHING, Keys, Table
from evaluation.metrics.facts import Facts
from evaluation.metrics.shape import BeyondDict
from evaluation.metrics.types import Values

Index = npt.NDArray[np.int64]

_LISTS = 2_000
"""Lists whose vectors are gathered at once: 30 MB for ten items of 384 dimensions."""


def catalogue_places(keys: Keys, facts: Facts) -> Index:
    """Place in the catalogue of each item number of the run, -1 if it lacks the item; one more -1 for NOTHING."""
    places = {item_id: place for place, item_id in enumerate(facts.item_ids)}
    return np.array([*(places.get(name, -1) for name in keys.items.names()), -1], dtype=np.int64)


def beyond(table: Table, places: Index, facts: Facts) -> BeyondDict:
    """Coverage, novelty, diversity and popularity of the first k items of each list."""
    lists = places[table.top]
    shown = lists[lists >= 0]
    targets = places[table.target]
    return BeyondDict(
        k=table.keys.top,
        n=len(table),
        coverage=_share(len(np.unique(shown)), len(facts.item_ids)),
        novelty=novelty(shown, facts.counts),
        diversity=None if facts.vectors is None else diversity(lists, facts.vectors),
        gini=gini(np.bincount(shown, minlength=len(facts.item_ids))),
        log_popularity=log_popularity(shown, facts.counts),
        target_log_popularity=log_popularity(targets[targets >= 0], facts.counts),
        unknown_items=int(((lists < 0) & (table.top != NOTHING)).sum()),
    )


def novelty(shown: Index, counts: npt.NDArray[np.int64]) -> float | None:
    """Mean self-information of the items shown, bits: -log2 of the item's share of all interactions.

    Each item is given one interaction more than it has, so that an item nobody took has a finite value.
    """
    if len(shown) == 0:
        return None
    return float(-np.log2((counts[shown] + 1) / (counts.sum() + len(counts))).mean())


def diversity(lists: Index, vectors: npt.NDArray[np.float32]) -> float | None:
    """Mean of `distances`; lists with one known item are left out."""
    values = distances(lists, vectors)
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else None


def distances(lists: Index, vectors: npt.NDArray[np.float32]) -> Values:
    """Of each list, shape (n, k), 1 - mean cosine of two of its items; -1 is no item, NaN a list with one item or none.

    For unit rows the sum over pairs is (|sum of rows|^2 - sum of |row|^2) / 2.
    """
    values = [np.zeros(0)]
    for start in range(0, len(lists), _LISTS):
        block = lists[start : start + _LISTS]
        known = block >= 0
        rows = vectors[np.where(known, block, 0)] * known[:, :, None]
        together = (rows.sum(axis=1, dtype=np.float64) ** 2).sum(axis=1)
        alone = (rows.astype(np.float64) ** 2).sum(axis=(1, 2))
        size = known.sum(axis=1)
        pairs = np.where(size >= 2, size * (size - 1), np.nan)
        values.append(1 - (together - alone) / pairs)
    return np.concatenate(values)


def gini(times_shown: npt.NDArray[np.int64]) -> float | None:
    """Gini coefficient over the catalogue's items: 0 if all are shown equally often, near 1 if one takes all."""
    total, n = int(times_shown.sum()), len(times_shown)
    if total == 0:
        return None
    ordered = np.sort(times_shown)
    return float(2 * (np.arange(1, n + 1) * ordered).sum() / (n * total) - (n + 1) / n)


def log_popularity(items: Index, counts: npt.NDArray[np.int64]) -> float | None:
    """Mean ln(1 + interactions) of items; the logarithm keeps a few bestsellers from deciding the mean."""
    return float(np.log1p(counts[items]).mean()) if len(items) else None


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
