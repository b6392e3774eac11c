"""Cases as columns."""

from __future__ import annotations

import numpy as np

from evaluation.baselines.encoding import Encoder, Run, Taken, known_history, runs
from tests.evaluation.baselines import shop
from tests.evaluation.baselines.shop import case, past

KNOWN = shop.training([("a", "red-cube", 0, None), ("b", "red-ball", 1, 4.0)])
STRANGE = len(KNOWN.item_ids)


def test_columns_follow_the_cases() -> None:
    cut = case("y", ["red-ball"], history=past("nowhere", "red-cube", rating=2.0), user="b", scenario="history-2")
    batch = Encoder(KNOWN).encode([case("x", ["red-ball", "nowhere"], user="a"), case("s", []), cut])
    ball, cube = KNOWN.item_ids.index("red-ball"), KNOWN.item_ids.index("red-cube")
    assert batch.users.tolist() == [0, 2, 1]
    assert batch.own.tolist() == [True, False, False]
    assert batch.candidates.tolist() == [ball, STRANGE, ball]
    assert batch.candidate_case.tolist() == [0, 0, 2]
    assert batch.history.tolist() == [STRANGE, cube]
    assert batch.age.tolist() == [1, 0]
    assert batch.ratings.tolist() == [2.0, 2.0]
    assert [part.tolist() for part in batch.split(np.arange(3.0))] == [[0.0, 1.0], [], [2.0]]


def test_the_latest_of_the_chosen_are_counted_per_case() -> None:
    histories = [past("red-cube", "red-ball", "red-cone"), (), past("red-cube", "red-ball")]
    batch = Encoder(KNOWN).encode([case(str(n), ["red-cube"], history=one) for n, one in enumerate(histories)])
    assert batch.latest(np.ones(5, dtype=np.bool_), 1).tolist() == [False, False, True, False, True]
    assert batch.latest(np.array([True, True, False, True, False]), 1).tolist() == [False, True, False, True, False]


def test_runs_of_no_rows_are_none() -> None:
    assert runs(np.array([], dtype=np.int64)) == []
    assert runs(np.array([0, 0, 3])) == [Run(case=0, rows=slice(0, 2)), Run(case=3, rows=slice(2, 3))]


def test_a_history_holds_each_known_item_once() -> None:
    batch = Encoder(KNOWN).encode([case("x", ["red-cube"], history=past("red-cube", "nowhere", "red-cube"))])
    assert known_history(batch, STRANGE).toarray().sum() == 1.0


def test_nothing_is_taken_where_nothing_is_known() -> None:
    empty = Taken(shop.training([]))
    assert not empty.contains(np.array([0]), np.array([0])).any()
    assert empty.counts.tolist() == [0.0] * (STRANGE + 1)
