from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from retrieval.conditions import parse_filter
from retrieval.errors import InputError
from retrieval.record import Record
from retrieval.record.expiry import Expiring
from tests.retrieval.records import item

DAY = 86_400.0
NOW = 1000 * DAY


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    opened = Record.open(str(tmp_path / "record.db"))
    shelf = [item("old", topic="sport"), item("new", topic="sport"), item("other", topic="food"), item("undated")]
    times = (NOW - 9 * DAY, NOW - DAY, NOW - 9 * DAY, None)
    opened.put_items([replace(one, added_at=time) for one, time in zip(shelf, times, strict=True)])
    yield opened
    opened.close()


def expiring(*conditions: str, days: float | None = None) -> Expiring:
    before = None if days is None else NOW - days * DAY
    return Expiring(conditions=tuple(map(parse_filter, conditions)), added_before=before)


@pytest.mark.parametrize(
    ("meant", "ids"),
    [
        (expiring("topic=sport"), ["new", "old"]),
        (expiring(days=7), ["old", "other"]),
        (expiring("topic=sport", days=7), ["old"]),
        (expiring("topic=music"), []),
    ],
)
def test_those_that_meet_everything_expire_and_no_others(record: Record, meant: Expiring, ids: list[str]) -> None:
    before = record.version()
    assert record.expire_items(meant, at=NOW, dry_run=True) == ids
    assert record.version() == before
    assert record.expire_items(meant, at=NOW) == ids
    assert record.version() == before + bool(ids)
    found = record.items(("old", "new", "other", "undated"))
    assert sorted(name for name, one in found.items() if one.expires_at == NOW) == ids
    assert record.expire_items(meant, at=NOW) == [], "what expired does so once"


def test_an_item_that_would_expire_later_does_so_now_and_an_expired_one_keeps_its_time(record: Record) -> None:
    record.change_item("old", lambda one: replace(one, expires_at=NOW + DAY))
    record.change_item("new", lambda one: replace(one, expires_at=NOW - DAY))
    assert record.expire_items(expiring("topic=sport"), at=NOW) == ["old"]
    assert record.items(("new",))["new"].expires_at == NOW - DAY


def test_to_say_nothing_is_refused_instead_of_emptying_the_catalogue(record: Record) -> None:
    with pytest.raises(InputError, match="say which items expire"):
        record.expire_items(Expiring(), at=NOW)
