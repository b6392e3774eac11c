"""Sources that look through the whole catalogue give what sorting all of it would give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.behaviour import Behaviour, Moment
from retrieval.protocol import RetrievalRequest
from retrieval.record import Record
from retrieval.sources.behavioural import Cooccurrence
from retrieval.sources.newest import Newest
from retrieval.types import Interaction, Item, Query, User

N = 12


@pytest.fixture(scope="module")
def moment(tmp_path_factory: pytest.TempPathFactory) -> Moment:
    folder: Path = tmp_path_factory.mktemp("record")
    record = Record.open(str(folder / "record.db"))
    record.put_items([Item(item_id=f"i{n:02}", title="One") for n in range(N)])
    record.put_users([User(user_id="ann")])
    record.put_interactions([Interaction(user_id="ann", item_id=f"i{n:02}", timestamp=0.0) for n in range(N)])
    moment = Behaviour(record).before(1.0)
    record.close()
    return moment


def request_at(moment: Moment, as_of: float, together: list[float] | None = None) -> RetrievalRequest:
    return RetrievalRequest(
        query=Query(),
        as_of=as_of,
        user=None,
        history=(),
        liked={},
        profile=None,
        asked=None,
        moment=moment,
        together=None if together is None else np.array(together),
        alike=None,
        worded=None,
    )


@given(scores=st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0]), min_size=N, max_size=N), k=st.integers(1, N + 1))
def test_the_best_are_those_of_a_whole_sort_with_ties_by_id(moment: Moment, scores: list[float], k: int) -> None:
    proposed = Cooccurrence().propose(request_at(moment, 1.0, scores), k)
    ranked = sorted(zip(scores, moment.item_ids, strict=True), key=lambda pair: (-pair[0], pair[1]))
    assert [(one.score, one.item_id) for one in proposed] == [pair for pair in ranked if pair[0] > 0][:k]


def test_the_newest_are_those_added_before_the_request(moment: Moment) -> None:
    times = {"a": 1.0, "b": 3.0, "c": 3.0, "d": 5.0, "e": None}
    shelf = {key: Item(item_id=key, title=key, added_at=time) for key, time in times.items()}
    source = Newest(lambda: shelf)
    assert [one.item_id for one in source.propose(request_at(moment, 5.0), 9)] == ["b", "c", "a"]
    assert [(one.item_id, one.score) for one in source.propose(request_at(moment, 5.1), 2)] == [("d", 5.0), ("b", 3.0)]
    shelf = {"f": Item(item_id="f", title="f", added_at=2.0)}
    assert [one.item_id for one in source.propose(request_at(moment, 5.0), 9)] == ["f"], "the catalogue changed"
