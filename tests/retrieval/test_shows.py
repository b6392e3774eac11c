from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval.record import Record
from retrieval.record.types import ShownList
from retrieval.shows import ItemShows

HOUR = 3600.0
NOW = 1000 * HOUR


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    opened = Record.open(str(tmp_path / "record.db"))
    yield opened
    opened.close()


def show(record: Record, request_id: str, at: float, *item_ids: str) -> None:
    record.shown().log(
        ShownList(
            request_id=request_id, user_id=None, door="recommend", asked_at=at, item_ids=item_ids, ranked_by="llm"
        )
    )


class Clock:
    """FAKE clock: every look at it is two seconds after the one before, or as much as it is told."""

    def __init__(self) -> None:
        self.step = 2.0
        self._at = 0.0

    def __call__(self) -> float:
        self._at += self.step
        return self._at


def counted(record: Record, hours: float) -> ItemShows:
    return ItemShows(record, hours * HOUR, clock=Clock())


def test_lists_of_the_span_count_once_each(record: Record) -> None:
    show(record, "old", NOW - 30 * HOUR, "a")
    show(record, "one", NOW - 5 * HOUR, "a", "b")
    shows = counted(record, 24)
    assert shows.counts(NOW) == {"a": 1, "b": 1}
    show(record, "two", NOW + 1, "a")
    show(record, "late", NOW - 30, "c")
    assert shows.counts(NOW + 2) == {"a": 2, "b": 1, "c": 1}
    assert shows.counts(NOW + 3) == {"a": 2, "b": 1, "c": 1}


def test_what_is_older_than_the_span_is_forgotten(record: Record) -> None:
    show(record, "one", NOW - HOUR, "a")
    shows = counted(record, 2)
    assert shows.counts(NOW) == {"a": 1}
    assert shows.counts(NOW + 5 * HOUR) == {}


def test_a_clock_that_goes_backwards_counts_nothing_twice(record: Record) -> None:
    show(record, "one", NOW - HOUR, "a")
    shows = counted(record, 24)
    shows.counts(NOW)
    assert shows.counts(NOW - 10 * HOUR) == {"a": 1}
    show(record, "two", NOW + 1, "a")
    assert shows.counts(NOW + 2) == {"a": 2}


def test_the_log_is_read_once_a_second(record: Record) -> None:
    clock = Clock()
    shows = ItemShows(record, 24 * HOUR, clock=clock)
    assert shows.counts(NOW) == {}
    show(record, "one", NOW, "a")
    clock.step = 0.4
    assert shows.counts(NOW + 0.4) == {}
    assert shows.counts(NOW + 0.8) == {}
    assert shows.counts(NOW + 1.2) == {"a": 1}


def test_a_list_that_is_known_is_not_read_again(record: Record) -> None:
    for at, request_id in enumerate(("one", "two", "three")):
        show(record, request_id, NOW + at, request_id)
    [found] = record.shown().since(NOW + 1, {"two"})
    assert (found.request_id, found.asked_at, found.item_ids) == ("three", NOW + 2, ("three",))
