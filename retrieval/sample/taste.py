"""A seeded model of taste that simulates whom the bundled catalogue is shown to.

Nobody behind it is real. Every item is a row of traits in three blocks: its genres (rare ones weigh more), its
decade (soft: neighbouring decades overlap) and its people. Every simulated user draws a direction in that space (a
few genres, an era, some favourite people), how far they follow popularity and how strongly what they liked last
decides what they take next. A history is drawn one item at a time, without repetition, from

    appetite · taste + pull · popularity + drift · closeness to the last liked items + Gumbel noise,

and an item is rated from the taste alone, with noise: popularity and the moment make people try things, not like
them. The popularity of an item is simulated as well, from its id. All draws of a user come from a generator seeded
by (seed, user id), so neither the order of users nor the presence of others changes a history.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from retrieval.types import Interaction, Item, User

Floats: TypeAlias = NDArray[np.float64]

FILMS = "films"
BOOKS = "books"
VIEWERS, READERS, BOTH = 60, 40, 20
SHORTEST, LONGEST = 3, 40
"""Lengths of a history, in items."""
LIKED_FROM = 4.0
"""A rating of this and above is a like."""
BEGIN = datetime(2024, 7, 1, tzinfo=UTC).timestamp()
END = datetime(2026, 6, 30, tzinfo=UTC).timestamp()

_FIRST_DECADE, _LAST_DECADE = 1850, 2020
_DECADE_WIDTH = 10.0
_GENRES_WEIGHT, _DECADES_WEIGHT, _PEOPLE_WEIGHT = 1.0, 0.6, 0.8
_REMEMBERED = 3
"""How many of the last liked items draw the next one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulatedUser:
    """A user that does not exist, and the domains that they choose from."""

    user_id: str
    domains: tuple[str, ...]

    def as_user(self) -> User:
        """The user as the record holds them, labelled as simulated."""
        return User(user_id=self.user_id, attributes={"simulated": True})


def simulated_users() -> tuple[SimulatedUser, ...]:
    """Viewers of films, readers of books and some who are both, in the order of their ids."""
    kinds = (("both", BOTH, (FILMS, BOOKS)), ("reader", READERS, (BOOKS,)), ("viewer", VIEWERS, (FILMS,)))
    return tuple(
        SimulatedUser(user_id=f"{kind}-{number:03d}", domains=domains)
        for kind, count, domains in kinds
        for number in range(1, count + 1)
    )


class TasteModel:
    """Draws histories from a catalogue. Depends on the items and the seed, not on the items' order."""

    def __init__(self, items: Sequence[Item], seed: int) -> None:
        self._seed = seed
        self._items = tuple(sorted(items, key=lambda item: item.item_id))
        self._genres = _Words(tuple(_words(item, "genres") for item in self._items))
        self._people = _Words(tuple(_words(item, "people") for item in self._items))
        self._years = np.array([_year(item) for item in self._items])
        self._traits = np.hstack(
            (
                _GENRES_WEIGHT * self._genres.rows(),
                _DECADES_WEIGHT * _decades(self._years),
                _PEOPLE_WEIGHT * self._people.rows(),
            )
        )
        # Once for all draws: many small products in the loop would spend their time on starting BLAS threads.
        self._closeness = self._traits @ self._traits.T
        popularity = [generator(seed, "popularity", item.item_id).standard_normal() for item in self._items]
        self._popularity = np.array(popularity)

    def history(self, user: SimulatedUser) -> tuple[Interaction, ...]:
        """The user's interactions, oldest first: at least SHORTEST where the user's domains have that many items."""
        open_to = np.array([item.domain in user.domains for item in self._items], dtype=bool)
        random = generator(self._seed, "user", user.user_id)
        taste = self._taste(open_to, random)
        length = min(SHORTEST + round((LONGEST - SHORTEST) * random.beta(1.4, 1.8)), int(open_to.sum()))
        chosen = self._choices(open_to, taste, length, random)
        return tuple(
            Interaction(
                user_id=user.user_id,
                item_id=self._items[index].item_id,
                timestamp=timestamp,
                liked=rating >= LIKED_FROM,
                rating=rating,
            )
            for (index, rating), timestamp in zip(chosen, _times(length, random), strict=True)
        )

    def _taste(self, open_to: NDArray[np.bool_], random: np.random.Generator) -> Floats:
        """How much the user likes every item: mean 0 and deviation 1 over the items that they are open to."""
        if not open_to.any():
            return np.zeros(len(self._items))
        genres = random.gamma(0.3, size=self._genres.size)
        era = _decades(random.choice(self._years[open_to], size=1))[0] * random.uniform(0.3, 1.2)
        people = np.zeros(self._people.size)
        favourites = np.flatnonzero(self._people.counts(open_to) >= 2)
        people[random.permutation(favourites)[: random.integers(3, 9)]] = 1.5
        taste = self._traits @ np.concatenate((genres, era, people))
        return _standard(taste, open_to)

    def _choices(
        self, open_to: NDArray[np.bool_], taste: Floats, length: int, random: np.random.Generator
    ) -> list[tuple[int, float]]:
        """Places of the items taken, in order, each with its rating."""
        appetite, pull, drift = random.uniform(0.9, 1.8), random.gamma(3.0, 0.35), random.uniform(0.3, 1.2)
        mildness = random.normal(2.55, 0.25)
        left = open_to.copy()
        chosen: list[tuple[int, float]] = []
        liked: list[int] = []
        for _ in range(length):
            score = appetite * taste + pull * self._popularity + random.gumbel(size=len(taste))
            if liked:
                closeness = self._closeness[liked[-_REMEMBERED:]].mean(axis=0)
                score += drift * _standard(closeness, open_to)
            index = int(np.argmax(np.where(left, score, -np.inf)))
            left[index] = False
            rating = float(np.clip(round(mildness + 0.7 * taste[index] + random.normal(0.0, 0.6)), 1, 5))
            chosen.append((index, rating))
            if rating >= LIKED_FROM:
                liked.append(index)
        return chosen


class _Words:
    """The lists of words of all items as rows: a word weighs by its rarity, a row has length 1 (0 without words)."""

    def __init__(self, lists: Sequence[tuple[str, ...]]) -> None:
        words = sorted({word for words in lists for word in words})
        place = {word: at for at, word in enumerate(words)}
        self.size = len(words)
        self._present = np.zeros((len(lists), self.size))
        for row, listed in enumerate(lists):
            self._present[row, [place[word] for word in listed]] = 1.0

    def rows(self) -> Floats:
        """One row an item, one column a word."""
        weighted = self._present * np.log1p(len(self._present) / np.maximum(self._present.sum(axis=0), 1.0))
        lengths = np.linalg.norm(weighted, axis=1, keepdims=True)
        return np.asarray(weighted / np.maximum(lengths, 1e-12), dtype=np.float64)

    def counts(self, rows: NDArray[np.bool_]) -> Floats:
        """In how many of these rows every word stands."""
        return np.asarray(self._present[rows].sum(axis=0), dtype=np.float64)


def generator(seed: int, kind: str, name: str) -> np.random.Generator:
    """Draws that depend on these three only."""
    digest = hashlib.sha256(f"{kind}:{name}".encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])


def _decades(years: Floats) -> Floats:
    """One row a year: a bump over the decades around it, of length 1. Years before the first decade share its bump."""
    centres = np.arange(_FIRST_DECADE, _LAST_DECADE + 1, 10.0)
    distance = (np.clip(years, _FIRST_DECADE, _LAST_DECADE)[:, None] - centres) / _DECADE_WIDTH
    bumps = np.exp(-0.5 * distance**2)
    return np.asarray(bumps / np.linalg.norm(bumps, axis=1, keepdims=True), dtype=np.float64)


def _standard(values: Floats, rows: NDArray[np.bool_]) -> Floats:
    """The values with mean 0 and deviation 1 over these rows."""
    spread = float(values[rows].std())
    return np.asarray((values - values[rows].mean()) / (spread if spread > 0 else 1.0), dtype=np.float64)


def _times(length: int, random: np.random.Generator) -> tuple[float, ...]:
    """Strictly increasing whole seconds between BEGIN and END, from a first day of the user's own."""
    first = random.uniform(BEGIN, BEGIN + 0.75 * (END - BEGIN))
    drawn = np.sort(np.floor(random.uniform(first, END - length, size=length)))
    return tuple(float(time) for time in drawn + np.arange(length))


def _words(item: Item, name: str) -> tuple[str, ...]:
    value = item.attributes.get(name, ())
    return value if isinstance(value, tuple) else ()


def _year(item: Item) -> float:
    value = item.attributes.get("year")
    return value if isinstance(value, float) else float(_LAST_DECADE)
