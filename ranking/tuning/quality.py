"""NDCG of one list, for choosing among adapters while they are tuned."""

from __future__ import annotations

import math
from collections.abc import Sequence


def ndcg_at(k: int, scores: Sequence[float], relevance: Sequence[float], item_ids: Sequence[str]) -> float:
    """Sum of relevance / log2(1 + rank) over the k best, divided by the largest possible; ties go by item id.

    Relevance must not be 0 for all (Järvelin and Kekäläinen 2002, with linear gain).
    """
    order = sorted(range(len(scores)), key=lambda index: (-scores[index], item_ids[index]))
    found = _gain([relevance[index] for index in order[:k]])
    return found / _gain(sorted(relevance, reverse=True)[:k])


def _gain(relevance: Sequence[float]) -> float:
    return sum(value / math.log2(1 + rank) for rank, value in enumerate(relevance, start=1))
