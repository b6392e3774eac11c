"""Joins the sources' lists by weighted reciprocal ranks. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from retrieval.protocol import Proposal
from retrieval.types import Vote

SMOOTHING = 60
"""The constant of reciprocal-rank fusion: Cormack, Clarke and Buettcher, SIGIR 2009."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceList:
    """One source's proposals, best first, and the weight of its votes (above 0)."""

    source: str
    weight: float
    proposals: Sequence[Proposal]


@dataclass(frozen=True, kw_only=True, slots=True)
class Joined:
    """One item with its joined score and the votes behind it, in the order of the lists."""

    item_id: str
    score: float
    votes: tuple[Vote, ...]


def join(lists: Sequence[SourceList]) -> list[Joined]:
    """score(item) = sum over lists of weight / (60 + rank). Best first, ties by item id."""
    scores: defaultdict[str, float] = defaultdict(float)
    votes: defaultdict[str, list[Vote]] = defaultdict(list)
    for entry in lists:
        for rank, proposal in enumerate(entry.proposals, start=1):
            scores[proposal.item_id] += entry.weight / (SMOOTHING + rank)
            votes[proposal.item_id].append(Vote(source=entry.source, rank=rank, score=proposal.score))
    joined = [Joined(item_id=item_id, score=score, votes=tuple(votes[item_id])) for item_id, score in scores.items()]
    return sorted(joined, key=lambda entry: (-entry.score, entry.item_id))
