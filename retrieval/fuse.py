"""Joins the sources' lists by weighted reciprocal ranks. Pure."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Sequence
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


def join(
    lists: Sequence[SourceList], n: int | None = None, keep: Callable[[str], bool] = lambda _: True
) -> list[Joined]:
    """score(item) = sum over lists of weight / (60 + rank). Best first, ties by item id.

    At most n items (all for None), and only those whose id `keep` accepts; the ranks are those of the whole lists.
    """
    scores: defaultdict[str, float] = defaultdict(float)
    for entry in lists:
        for rank, proposal in enumerate(entry.proposals, start=1):
            scores[proposal.item_id] += entry.weight / (SMOOTHING + rank)
    ordered = sorted(scores, key=lambda item_id: (-scores[item_id], item_id))
    chosen = list(itertools.islice(filter(keep, ordered), n))
    # Most of what is proposed is not chosen, so votes are made afterwards.
    votes: dict[str, list[Vote]] = {item_id: [] for item_id in chosen}
    for entry in lists:
        for rank, proposal in enumerate(entry.proposals, start=1):
            if proposal.item_id in votes:
                votes[proposal.item_id].append(Vote(source=entry.source, rank=rank, score=proposal.score))
    return [Joined(item_id=item_id, score=scores[item_id], votes=tuple(votes[item_id])) for item_id in chosen]
