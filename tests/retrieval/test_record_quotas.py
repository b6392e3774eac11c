"""Quotas of a record, on both databases: exact however many write at once, and nothing half written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from retrieval.config import QuotaSettings
from retrieval.errors import QuotaError
from retrieval.record import Record
from retrieval.record.types import Feedback
from retrieval.types import User
from tests.retrieval.records import fill, interaction, item

DAY_S = 86_400.0
Opener = Callable[..., Record]


@pytest.fixture
def opened(record_url: str) -> Iterator[Opener]:
    """Opens the same record as often as wanted."""
    records = []

    def open_(**quota: int) -> Record:
        records.append(Record.open(record_url, QuotaSettings(**quota)))
        return records[-1]

    yield open_
    for record in records:
        record.close()


def test_what_passes_the_quota_is_refused_whole_and_changes_go_on(opened: Opener) -> None:
    record = opened(items=2, users=1, interactions=1)
    record.put_items([item("a"), item("b")])
    version = record.version()
    with pytest.raises(QuotaError, match="quota of items: 2 are allowed"):
        record.put_items([item("a", "changed"), item("c")])
    assert record.items(["a", "c"])["a"].title == "Title of a"
    assert record.version() == version
    record.put_items([item("a", "changed")])
    record.put_users([User(user_id="u")])
    with pytest.raises(QuotaError, match="users"):
        record.put_users([User(user_id="v")])
    record.put_interactions([interaction("u", "a")])
    with pytest.raises(QuotaError, match="interactions"):
        record.put_interactions([interaction("u", "b")])
    record.delete_items(["a"])
    record.put_interactions([interaction("u", "b")])
    taken = record.quotas().taken(0.0)
    assert (taken.items, taken.users, taken.interactions) == (1, 1, 1)


def test_feedback_that_would_become_an_interaction_too_many_is_not_kept_either(opened: Opener) -> None:
    record = opened(interactions=0)
    record.put_items([item("a")])
    record.put_users([User(user_id="u")])
    said = Feedback(feedback_id="f", user_id="u", item_id="a", kind="like", timestamp=1.0)
    with pytest.raises(QuotaError):
        record.feedback().give(said)
    assert record.feedback().of_user("u") == []


def test_what_was_stored_before_a_quota_stays(opened: Opener) -> None:
    fill(opened(), users=2, items=2)
    record = opened(items=1)
    record.put_items([item("i0", "new title")])
    with pytest.raises(QuotaError):
        record.put_items([item("x")])
    assert record.counts().items == 2


def test_many_writers_fill_it_exactly(opened: Opener) -> None:
    records = [opened(items=20, requests_per_day=30) for _ in range(4)]

    def write(n: int) -> bool:
        try:
            records[n % 4].put_items([item(f"i{n}")])
        except QuotaError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        stored = sum(pool.map(write, range(60)))
        counted = [*pool.map(lambda n: records[n % 4].quotas().request(DAY_S), range(60))]
    assert stored == records[0].counts().items == 20
    assert counted.count(None) == records[0].quotas().taken(DAY_S).requests == 30


def test_requests_are_counted_by_day(opened: Opener) -> None:
    quotas = opened(requests_per_day=1).quotas()
    assert quotas.request(DAY_S) is None
    assert quotas.request(2 * DAY_S - 90.0) == 90
    assert quotas.request(2 * DAY_S) is None
    assert quotas.taken(2 * DAY_S).requests == 1
    assert quotas.taken(DAY_S).requests == 0
    free = opened().quotas()
    assert free.request(2 * DAY_S) is None
    assert free.taken(2 * DAY_S).requests == 1
