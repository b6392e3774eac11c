"""The samples in which age counts are whole, and the same every time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from retrieval.sample.days import NOW, Sample, films_sample, music_sample, news_sample

DAY_S = 86_400.0


@pytest.mark.parametrize(("make", "least"), [(news_sample, 40), (music_sample, 40), (films_sample, 300)])
def test_a_sample_refers_only_to_what_it_holds_and_to_the_past(make: Callable[[], Sample], least: int) -> None:
    sample = make()
    added = {item.item_id: item.added_at for item in sample.items}
    users = {user.user_id for user in sample.users}
    assert len(added) == len(sample.items) >= least
    assert sample == make()
    assert all(one.item_id in added and one.user_id in users for one in sample.interactions)
    for one in sample.interactions:
        came = added[one.item_id]
        assert one.timestamp < NOW
        assert came is None or came <= one.timestamp
    assert all(user.attributes["simulated"] is True for user in sample.users)


@pytest.mark.parametrize("make", [news_sample, music_sample])
def test_everybody_has_a_history_with_something_that_they_like(make: Callable[[], Sample]) -> None:
    sample = make()
    liked = Counter(one.user_id for one in sample.interactions if one.liked)
    assert {user.user_id for user in sample.users} == liked.keys()
    assert min(liked.values()) >= 2


def test_news_tell_one_story_in_several_outlets() -> None:
    items = news_sample().items
    leads = Counter((item.description or "").split(".")[0] for item in items)
    assert sum(n > 1 for n in leads.values()) >= 5
    outlets: dict[str, set[object]] = {}
    for item in items:
        outlets.setdefault((item.description or "").split(".")[0], set()).add(item.attributes["outlet"])
    assert all(len(outlets[lead]) == n for lead, n in leads.items())


def test_nobody_took_the_new_films() -> None:
    sample = films_sample()
    new = {item.item_id for item in sample.items if item.added_at is not None}
    assert len(new) == 8
    assert new.isdisjoint(one.item_id for one in sample.interactions)
    assert all(NOW - 30 * DAY_S < (item.added_at or NOW) < NOW for item in sample.items if item.item_id in new)
