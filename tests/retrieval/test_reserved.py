from __future__ import annotations

from retrieval.fuse import Joined
from retrieval.reserved import Reserved, with_reserved


def joined(*ids: str) -> list[Joined]:
    return [Joined(item_id=item_id, score=1.0 - place / 10, votes=()) for place, item_id in enumerate(ids)]


def ids(found: list[Joined]) -> list[str]:
    return [entry.item_id for entry in found]


def test_the_last_of_the_best_make_room_for_those_with_a_place() -> None:
    kind = Reserved(source="new", item_ids=("x", "barred", "y", "z"), places=2)
    found = with_reserved(joined("a", "b", "c", "d"), 4, [kind], lambda key: key != "barred")
    assert ids(found) == ["a", "b", "x", "y"]
    assert [(vote.source, vote.rank) for entry in found for vote in entry.votes] == [("new", 1), ("new", 2)]


def test_who_is_among_the_best_keeps_that_place() -> None:
    kind = Reserved(source="new", item_ids=("d", "x"), places=2)
    assert ids(with_reserved(joined("a", "b", "c", "d"), 4, [kind], lambda _: True)) == ["a", "b", "d", "x"]


def test_where_there_is_room_nobody_leaves() -> None:
    kinds = [Reserved(source="one", item_ids=("x",), places=1), Reserved(source="other", item_ids=("x", "y"), places=2)]
    found = with_reserved(joined("a"), 5, kinds, lambda _: True)
    assert ids(found) == ["a", "x", "y"]
    assert found[1].votes[0].source == "one"
