from __future__ import annotations

from retrieval.fuse import Joined
from retrieval.reserved import Reserved, with_reserved


def joined(*ids: str) -> list[Joined]:
    return [Joined(item_id=item_id, score=1.0 - place / 10, votes=()) for place, item_id in enumerate(ids)]


def ids(found: list[Joined]) -> list[str]:
    return [entry.item_id for entry in found]


def test_the_last_of_the_best_make_room_for_those_with_a_place() -> None:
    kind = Reserved(source="new", item_ids=("x", "barred", "y", "z"), places=2, least=2)
    found = with_reserved(joined("a", "b", "c", "d"), 4, [kind], lambda key: key != "barred")
    assert ids(found) == ["a", "b", "x", "y"]
    assert [(vote.source, vote.rank) for entry in found for vote in entry.votes] == [("new", 1), ("new", 2)]


def test_who_is_among_the_best_keeps_that_place() -> None:
    kind = Reserved(source="new", item_ids=("d", "x"), places=2, least=2)
    assert ids(with_reserved(joined("a", "b", "c", "d"), 4, [kind], lambda _: True)) == ["a", "b", "d", "x"]


def test_where_there_is_room_nobody_leaves() -> None:
    kinds = [
        Reserved(source="one", item_ids=("x",), places=1, least=1),
        Reserved(source="other", item_ids=("x", "y"), places=2, least=1),
    ]
    found = with_reserved(joined("a"), 5, kinds, lambda _: True)
    assert ids(found) == ["a", "x", "y"]
    assert found[1].votes[0].source == "one"


def many(source: str, least: int) -> Reserved:
    return Reserved(source=source, item_ids=[f"{source}{n}" for n in range(99)], places=3 * least, least=least)


def test_a_choice_of_reserved_ones_takes_no_more_than_half() -> None:
    best = [f"best{n:02}" for n in range(20)]
    found = ids(with_reserved(joined(*best), 20, [many("new", 7)], lambda _: True))
    assert found == [*best[:10], *(f"new{n}" for n in range(10))]
    found = ids(with_reserved(joined(*best), 20, [many("new", 2), many("other", 2)], lambda _: True))
    assert found == [*best[:10], *(f"new{n}" for n in range(5)), *(f"other{n}" for n in range(5))]


def test_what_was_promised_is_kept_as_far_as_there_is_room() -> None:
    best = [f"best{n:02}" for n in range(20)]
    found = ids(with_reserved(joined(*best), 20, [many("new", 15)], lambda _: True))
    assert found == [*best[:5], *(f"new{n}" for n in range(15))]
    found = ids(with_reserved(joined(*best), 20, [many("new", 15), many("other", 9)], lambda _: True))
    assert found == [*(f"new{n}" for n in range(15)), *(f"other{n}" for n in range(5))]
