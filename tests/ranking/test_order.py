"""The last order of the candidates, over made candidates."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ranking.fusion import Fused
from ranking.order import ordered
from retrieval.types import Candidate, Item, Query, Retrieved, Vote


def _retrieved(ids: Sequence[str], votes: tuple[Vote, ...]) -> Retrieved:
    """Candidates whose places are those of their ids."""
    candidates = tuple(
        Candidate(item=Item(item_id=item_id, title=item_id, domain="films"), rank=rank, score=1.0 / rank, votes=votes)
        for rank, item_id in enumerate(ids, start=1)
    )
    return Retrieved(query=Query(user_id="ann"), as_of=0.0, user=None, history=(), candidates=candidates)


@pytest.mark.parametrize(
    ("votes", "expected"),
    [
        ((Vote(source="popular", rank=1, score=1.0),), ["d", "c", "a", "b"]),
        ((), ["d", "a", "b", "c"]),
    ],
    ids=["retrieved", "from outside"],
)
def test_equal_scores_go_by_retrievals_place_if_it_gave_one(votes: tuple[Vote, ...], expected: list[str]) -> None:
    retrieved = _retrieved(("c", "a", "b", "d"), votes)
    fused = [Fused(score=score, parts=()) for score in (1.0, 1.0, 1.0, 2.0)]
    found = ordered(retrieved, fused, by_fusion=True, verdict=None)
    assert [entry.item.item_id for entry in found] == expected
    assert [entry.rank for entry in found] == [1, 2, 3, 4]
