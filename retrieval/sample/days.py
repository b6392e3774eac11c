"""News, music and new films at a fixed moment: samples for lists in which age counts.

Articles, outlets, tracks and artists are invented, and so are those who read and hear them. An item's age is held in
hours before `NOW`, so a list asked for as of `NOW` is the same whenever it is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.resources import files

from retrieval.sample.catalogue import sample_interactions, sample_items, sample_users
from retrieval.sample.taste import FILMS, generator
from retrieval.types import AttributeValue, Interaction, Item, User

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC).timestamp()
"""The moment that the samples are of."""
NEWS, MUSIC = "news", "music"

_HOUR_S, _DAY_S = 3600.0, 86_400.0
_USERS = 16
_FAVOURITES = 2
_TAKEN_OF_FAVOURITES, _TAKEN_OF_OTHERS = 0.8, 0.1
_READ_FROM_HOURS = {NEWS: 24.0, MUSIC: 336.0}
"""Nobody took anything younger than this yet."""
_KINDS = {NEWS: "topics", MUSIC: "genre"}
_NEW_FILMS = 8
"""Of the films that nobody took, so many are taken to be new."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """What a store is filled with."""

    items: tuple[Item, ...]
    users: tuple[User, ...]
    interactions: tuple[Interaction, ...]


def news_sample() -> Sample:
    """Articles of a week, several outlets on the same story; attributes topics (words) and outlet (text)."""
    return _told(NEWS)


def music_sample() -> Sample:
    """Tracks, some in two versions; attributes genre, artist (text) and year (number)."""
    return _told(MUSIC)


def films_sample() -> Sample:
    """The films and their viewers. Of the films that nobody took some came into the catalogue in the last days."""
    interactions = tuple(one for one in sample_interactions() if one.item_id.startswith("film-"))
    taken = {one.item_id for one in interactions}
    films = [item for item in sample_items() if item.domain == FILMS]
    new = [item.item_id for item in films if item.item_id not in taken][:_NEW_FILMS]
    added = {item_id: NOW - (1 + place) * _DAY_S for place, item_id in enumerate(new)}
    who = {one.user_id for one in interactions}
    return Sample(
        items=tuple(replace(item, added_at=added.get(item.item_id)) for item in films),
        users=tuple(user for user in sample_users() if user.user_id in who),
        interactions=interactions,
    )


def _told(domain: str) -> Sample:
    lines = files("retrieval.sample").joinpath(f"{domain}.jsonl").read_text(encoding="utf-8").splitlines()
    items = tuple(_item(line) for line in lines)
    names = [f"{'reader' if domain == NEWS else 'listener'}-{number:03d}" for number in range(1, _USERS + 1)]
    return Sample(
        items=items,
        users=tuple(User(user_id=name, attributes={"simulated": True}) for name in names),
        interactions=tuple(one for name in names for one in _history(name, domain, items)),
    )


def _history(user_id: str, domain: str, items: Sequence[Item]) -> Iterator[Interaction]:
    """Mostly of two kinds of items, which the user likes; the same for the same user and items."""
    random = generator(0, domain, user_id)
    kinds = sorted({kind for item in items for kind in _kinds(item)})
    favourites = {kinds[place] for place in random.permutation(len(kinds))[:_FAVOURITES]}
    for item in items:
        draw, when = random.uniform(size=2)
        liked = not favourites.isdisjoint(_kinds(item))
        age = NOW - (item.added_at or NOW)
        old_enough = age >= _READ_FROM_HOURS[domain] * _HOUR_S
        if old_enough and draw < (_TAKEN_OF_FAVOURITES if liked else _TAKEN_OF_OTHERS):
            moment = NOW - _HOUR_S - round(when * (age - _HOUR_S))
            yield Interaction(user_id=user_id, item_id=item.item_id, timestamp=moment, liked=liked)


def _kinds(item: Item) -> tuple[str, ...]:
    value = item.attributes[_KINDS[item.domain]]
    return value if isinstance(value, tuple) else (str(value),)


def _item(line: str) -> Item:
    row = json.loads(line)
    known = ("item_id", "title", "domain", "description", "hours_old")
    attributes: dict[str, AttributeValue] = {
        name: tuple(value) if isinstance(value, list) else float(value) if isinstance(value, int) else value
        for name, value in row.items()
        if name not in known
    }
    return Item(
        item_id=row["item_id"],
        title=row["title"],
        domain=row["domain"],
        description=row["description"],
        attributes=attributes,
        added_at=NOW - row["hours_old"] * _HOUR_S,
    )
