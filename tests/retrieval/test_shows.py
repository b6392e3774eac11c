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


def test_lists_of_the_span_count_once_each(record: Record) -> None:
    show(record, "old", NOW - 30 * HOUR, "a")
    show(record, "one", NOW - 5 * HOUR, "a", "b")
    shows = ItemShows(record, 24 * HOUR)
    assert shows.counts(NOW) == {"a": 1, "b": 1}
    show(record, "two", NOW + 1, "a")
    show(record, "late", NOW - 30, "c")
    assert shows.counts(NOW + 2) == {"a": 2, "b": 1, "c": 1}
    assert shows.counts(NOW + 3) == {"a": 2, "b": 1, "c": 1}


def test_what_is_older_than_the_span_is_forgotten(record: Record) -> None:
    show(record, "one", NOW - HOUR, "a")
    shows = ItemShows(record, 2 * HOUR)
    assert shows.counts(NOW) == {"a": 1}
    assert shows.counts(NOW + 5 * HOUR) == {}


def test_a_clock_that_goes_backwards_counts_nothing_twice(record: Record) -> None:
    show(record, "one", NOW - HOUR, "a")
    shows = ItemShows(record, 24 * HOUR)
    shows.counts(NOW)
    assert shows.counts(NOW - 10 * HOUR) == {"a": 1}
    show(record, "two", NOW + 1, "a")
    assert shows.counts(NOW + 2) == {"a": 2}
