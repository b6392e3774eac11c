from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from retrieval.fuse import Joined
from retrieval.picks import choose_picks, spread_out
from retrieval.protocol import Vectors
from retrieval.types import Candidate, Item, Signals


def candidate(item_id: str, known: float) -> Candidate:
    return Candidate(
        item=Item(item_id=item_id, title=item_id), rank=1, score=1.0, signals=Signals(log_popularity=known)
    )


def axis(*values: float) -> Vectors:
    row = np.array(values, dtype=np.float32)
    return row / np.linalg.norm(row)


def test_the_best_known_comes_first_and_then_what_is_unlike_it() -> None:
    alien, aliens, amelie = candidate("alien", 3.0), candidate("aliens", 2.9), candidate("amelie", 1.0)
    vectors = {"alien": axis(1, 0), "aliens": axis(1, 0.1), "amelie": axis(0, 1)}
    # After alien, aliens is worth 0.39 less 0.60, and amelie 0.13 less nothing.
    assert choose_picks([amelie, aliens, alien], vectors, 2) == (alien, amelie)


def test_ties_go_by_id_and_an_item_without_a_vector_is_unlike_all() -> None:
    one, two = candidate("a", 0.0), candidate("b", 0.0)
    assert choose_picks([two, one], {}, 5) == (one, two)
    assert choose_picks([], {}, 3) == ()


@given(known=st.lists(st.floats(0, 10), max_size=8), n=st.integers(0, 10))
def test_each_is_chosen_once_whatever_the_order(known: list[float], n: int) -> None:
    candidates = [candidate(str(at), value) for at, value in enumerate(known)]
    vectors = {str(at): axis(1.0, at % 3 - 1.0) for at in range(len(known))}
    chosen = choose_picks(candidates, vectors, n)
    assert len({one.item.item_id for one in chosen}) == len(chosen) == min(n, len(known))
    assert choose_picks(candidates[::-1], vectors, n) == chosen


def entry(item_id: str, score: float) -> Joined:
    return Joined(item_id=item_id, score=score, votes=())


def test_what_says_the_same_as_a_better_one_goes_behind_what_varies() -> None:
    alien, aliens, amelie, heat = entry("alien", 3.0), entry("aliens", 2.8), entry("amelie", 2.0), entry("heat", 1.0)
    vectors = {"alien": axis(1, 0), "aliens": axis(1, 0.1), "amelie": axis(0, 1), "heat": axis(1, 1)}
    # Behind alien, aliens is worth 0.36 less 0.60, amelie 0.20 less nothing.
    assert spread_out([alien, aliens, amelie, heat], vectors, 3) == [alien, amelie, aliens]
    assert spread_out([alien, aliens, amelie, heat], {}, 4) == [alien, aliens, amelie, heat]
    assert spread_out([], vectors, 3) == []
    assert spread_out([entry("b", 1.0), entry("a", 1.0)], {}, 3) == [entry("a", 1.0), entry("b", 1.0)]
