"""Joins the LLM's score with retrieval's signals. Pure: numbers in, numbers with their story out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ranking.settings import FusionWeights
from ranking.types import FusionPart
from retrieval.config import HALF_KNOWN
from retrieval.types import Signals


@dataclass(frozen=True, kw_only=True, slots=True)
class Fused:
    """One candidate's joined score and the terms it is the sum of."""

    score: float
    parts: tuple[FusionPart, ...]


class Column(NamedTuple):
    """One term of all candidates; None where it could not be measured."""

    name: str
    weight: float
    values: list[float | None]


class Spread(NamedTuple):
    """What values are standardised by."""

    mean: float
    deviation: float
    """Standard deviation (population formula), above 0."""


def fuse(
    llm_scores: Sequence[float | None] | None,
    signals: Sequence[Signals],
    weights: FusionWeights,
    *,
    unseen: Literal["least", "neutral"] = "least",
) -> list[Fused]:
    """Weighted sum of standardised values, in the order of `signals`.

    Each value is standardised over this list (mean 0, standard deviation 1, population formula), so that weights do not
    depend on a model's scale. A value that could not be measured contributes 0, as does one that is the same for all.
    Where popularity is all there is to go by it weighs 1: beside other signals its fitted weight may be less than
    nothing, and the list would be turned upside down. Latent factors weigh the less, the less they are made of.
    With `unseen` neutral the popularity of an item that nobody took counts as one that could not be measured.
    `llm_scores` is None where the LLM did not rank, an entry is None where it did not rank that one.
    Raises ValueError if lengths differ or a value is not finite.
    """
    if llm_scores is not None and len(llm_scores) != len(signals):
        raise ValueError(f"{len(llm_scores)} LLM scores for {len(signals)} candidates")
    return add_up(columns_of(llm_scores, signals, weights, unseen=unseen), len(signals))


def add_up(columns: Sequence[Column], n: int) -> list[Fused]:
    """Weighted sum of the standardised values of n candidates, as `fuse` says."""
    parts: list[list[FusionPart]] = [[] for _ in range(n)]
    for column in columns:
        for row, value, standard in zip(parts, column.values, standardise(column.values), strict=True):
            added = column.weight * standard
            row.append(FusionPart(name=column.name, value=value, weight=column.weight, contribution=added))
    return [Fused(score=math.fsum(part.contribution for part in row), parts=tuple(row)) for row in parts]


def columns_of(
    llm_scores: Sequence[float | None] | None,
    signals: Sequence[Signals],
    weights: FusionWeights,
    *,
    unseen: Literal["least", "neutral"] = "least",
) -> list[Column]:
    """What `fuse` adds up, before it is standardised."""
    columns = [
        Column("llm", weights.llm, [None] * len(signals) if llm_scores is None else list(llm_scores)),
        Column("similarity", weights.similarity, [s.similarity_max for s in signals]),
        Column("cooccurrence", weights.cooccurrence, [s.cooccurrence for s in signals]),
        Column("latent", weights.latent * _trust(signals), [s.latent for s in signals]),
        Column("bm25", weights.bm25, [s.bm25 for s in signals]),
        Column(
            "popularity",
            weights.popularity,
            [s.log_popularity or (0.0 if unseen == "least" else None) for s in signals],
        ),
        Column("query", weights.query, [s.query_similarity for s in signals]),
    ]
    if all(value is None for column in columns if column.name != "popularity" for value in column.values):
        columns = [column._replace(weight=1.0) if column.name == "popularity" else column for column in columns]
    return columns


def _trust(signals: Sequence[Signals]) -> float:
    """How much of their weight latent factors get, in [0, 1): nearly none where they are made of next to nothing."""
    known = max((s.interactions_per_item for s in signals), default=0.0)
    return known / (known + HALF_KNOWN)


def standardise(values: Sequence[float | None]) -> list[float]:
    """Mean 0 and standard deviation 1 over the values that are there; 0 for missing ones and for a constant list."""
    spread = spread_of(values)
    if spread is None:
        return [0.0] * len(values)
    return [0.0 if value is None else (value - spread.mean) / spread.deviation for value in values]


def spread_of(values: Sequence[float | None]) -> Spread | None:
    """Mean and deviation of the values that are there; None where they do not differ, or there are none."""
    present = [value for value in values if value is not None]
    if any(not math.isfinite(value) for value in present):
        raise ValueError("a score to fuse is not finite")
    if not present:
        return None
    mean = math.fsum(present) / len(present)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in present) / len(present))
    # Below this the differences are rounding errors of equal values, which dividing would blow up.
    return Spread(mean, deviation) if deviation > 1e-9 * max(1.0, abs(mean)) else None
