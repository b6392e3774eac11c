"""Puts the candidates in their last order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ranking.fusion import Fused, fuse
from ranking.settings import FusionWeights
from ranking.types import RankedItem, StrategyScores
from retrieval.types import Retrieved


def fuse_verdict(
    retrieved: Retrieved,
    verdict: StrategyScores | None,
    weights: FusionWeights,
    *,
    unseen: Literal["least", "neutral"] = "least",
) -> list[Fused]:
    """Every candidate's joined score, in their order; the verdict may be of the first candidates only, or none.

    `unseen` is what the popularity of an item that nobody took counts as.
    """
    signals = [candidate.signals for candidate in retrieved.candidates]
    scores = None if verdict is None else [*verdict.scores, *[None] * (len(signals) - len(verdict.scores))]
    return fuse(scores, signals, weights, unseen=unseen)


def ordered(
    retrieved: Retrieved, fused: Sequence[Fused], *, by_fusion: bool, verdict: StrategyScores | None
) -> list[RankedItem]:
    """All candidates, best first: by the joined score, ties by retrieval's place, or as retrieval had them.

    Ties of candidates that came from outside go by item id: their place is not retrieval's.
    """
    rows = list(zip(retrieved.candidates, fused, range(len(fused)), strict=True))
    # Candidates that came from outside have no order of retrieval's; its signals then stand in for it.
    from_retrieval = any(candidate.votes for candidate in retrieved.candidates)
    by_fusion = by_fusion or not from_retrieval
    ranked = len(rows) if verdict is None else len(verdict.scores)
    if by_fusion:
        # Candidates that there was no time to rank follow in retrieval's order.
        rows[:ranked] = sorted(
            rows[:ranked],
            key=lambda row: (-row[1].score, row[0].rank if from_retrieval else 0, row[0].item.item_id),
        )
    return [
        RankedItem(
            item=candidate.item,
            rank=place,
            score=joined.score if by_fusion else candidate.score,
            llm_score=verdict.scores[index] if verdict and index < ranked else None,
            llm_branch=verdict.branches[index] if verdict and verdict.branches and index < ranked else None,
            retrieval_rank=candidate.rank,
            parts=joined.parts,
            votes=candidate.votes,
            signals=candidate.signals,
        )
        for place, (candidate, joined, index) in enumerate(rows, start=1)
    ]
