from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.fuse import SourceList, join
from retrieval.protocol import Proposal
from retrieval.types import Vote

IDS = st.lists(st.sampled_from("abcdefgh"), unique=True)


def source_list(ids: str | list[str], source: str = "s", weight: float = 1.0) -> SourceList:
    proposals = [Proposal(item_id=item_id, score=-place) for place, item_id in enumerate(ids)]
    return SourceList(source=source, weight=weight, proposals=proposals)


def test_scores_add_up_over_lists_and_votes_are_kept() -> None:
    best, second, third = join([source_list("ab", "one", 2.0), source_list("bc", "two")])
    assert [best.item_id, second.item_id, third.item_id] == ["b", "a", "c"]
    assert best.score == pytest.approx(2 / 62 + 1 / 61)
    assert best.votes == (Vote(source="one", rank=2, score=-1.0), Vote(source="two", rank=1, score=0.0))


def test_ties_go_by_item_id() -> None:
    assert [entry.item_id for entry in join([source_list("b", "one"), source_list("a", "two")])] == ["a", "b"]


def test_the_first_n_that_are_kept_come_with_their_ranks_in_the_whole_lists() -> None:
    [first, second] = join([source_list("abcd"), source_list("xbcd")], 2, lambda item_id: item_id not in "ab")
    assert [first.item_id, second.item_id] == ["c", "d"]
    assert [vote.rank for vote in first.votes] == [3, 3]
    assert first.score == pytest.approx(2 / 63)


def test_nothing_joins_to_nothing() -> None:
    assert join([]) == []


@given(first=IDS, second=IDS)
def test_a_join_keeps_every_item_once_and_the_order_of_agreeing_lists(first: list[str], second: list[str]) -> None:
    joined = [entry.item_id for entry in join([source_list(first, "one"), source_list(second, "two")])]
    assert sorted(joined) == sorted(set(first) | set(second))
    places = {item_id: place for place, item_id in enumerate(joined)}
    for better, worse in ((a, b) for k, a in enumerate(first) for b in first[k + 1 :]):
        if better in second and worse in second and second.index(better) < second.index(worse):
            assert places[better] < places[worse]
