"""Puts a data set into a record as far as it is known when the lists are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evaluation.ads.filling import fill, forget
from evaluation.ads.market import hold_out
from ranking.draws import Draw
from ranking.settings import Settings
from retrieval.record import Record
from retrieval.sample.days import NOW, music_sample, news_sample
from retrieval.types import Interaction

_MADE_UP = {"news": news_sample, "music": music_sample}
_EARLIEST = 1e8
"""Unix seconds, in 1973: timestamps before it are places in a history."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The options of the command."""

    data: str
    data_dir: Path | None
    scenarios: Sequence[str] | None
    """None is all."""
    held_out: int
    users: int
    fresh_days: float
    seed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A list that is asked for."""

    user_id: str
    as_of: float
    """Unix seconds."""
    liked: frozenset[str]
    """What the user liked next; empty where nothing was held out."""


def filled(plan: Plan, settings: Settings) -> list[Asked]:
    """Fills the record and tells what to ask for, in the order of time: at most so many users, drawn with the seed.

    Where interactions have dates, a list is asked for at the moment of the first held-out like, and nothing that came
    with it or later counts, whoever did it; an item came into the catalogue when anybody first took it. Where they have
    none, what is held out is deleted. Of the made-up news and music nothing is held out.
    """
    record = Record.open(str(settings.home / "record.db"))
    try:
        asked = _made_up(record, plan.data) if plan.data in _MADE_UP else _replayed(record, plan, settings)
    finally:
        record.close()
    drawn = sorted(asked, key=lambda one: Draw(seed=plan.seed, purpose="replayed users", key=one.user_id).words(1)[0])
    return sorted(drawn[: plan.users], key=lambda one: (one.as_of, one.user_id))


def _made_up(record: Record, data: str) -> list[Asked]:
    sample = _MADE_UP[data]()
    record.put_items(sample.items)
    record.put_users(sample.users)
    record.put_interactions(sample.interactions)
    return [Asked(user_id=user.user_id, as_of=NOW, liked=frozenset()) for user in sample.users]


def _replayed(record: Record, plan: Plan, settings: Settings) -> list[Asked]:
    fill(record, settings, plan.data, plan.data_dir)
    every = list(record.iter_interactions())
    held = hold_out(every, plan.held_out)
    last = max(one.timestamp for one in every)
    if last < _EARLIEST:
        forget(record, every, held)
        moments: Mapping[str, float] = dict.fromkeys(held.liked, last + 1)
    else:
        first = _earliest((one.item_id, one) for one in every)
        record.put_items([replace(item, added_at=first.get(item.item_id)) for item in record.iter_items()])
        moments = _earliest((one.user_id, one) for one in every if one.item_id in held.liked.get(one.user_id, ()))
    return [Asked(user_id=user, as_of=moments[user], liked=liked) for user, liked in held.liked.items()]


def _earliest(keyed: Iterable[tuple[str, Interaction]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for key, one in keyed:
        found[key] = min(found.get(key, one.timestamp), one.timestamp)
    return found
