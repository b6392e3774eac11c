"""Asks for every list in every way, and measures what stands in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.ads.simulation import CUT, ndcg
from evaluation.metrics.beyond import distances
from evaluation.metrics.types import Values
from evaluation.scenarios.filling import Asked
from evaluation.scenarios.ways import Way
from ranking.arrangement.weighing import days_old
from ranking.recommender import Recommender
from retrieval.protocol import Progress, VectorIndex
from retrieval.types import Item, Query

_BRACKET_OR_DASH = re.compile(r"\s*[(\[].*|\s+[-–—]\s.*")
_FEWEST_WORDS = 4
"""A sentence that two items share makes them one if it has so many."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What came of one way. Arrays of shape (n_lists,), in the order of what was asked for."""

    way: Way
    ndcg: Values
    """At 10, of what the user liked next; NaN where nothing was held out."""
    distance: Values
    """Mean over pairs of items of 1 - cosine of their embeddings."""
    fresh: Values
    """Share of the items that came into the catalogue in the last days before the list."""
    repeats: Values
    """Items that are the same thing as one above them."""


async def replay(
    recommenders: Sequence[tuple[Way, Recommender]],
    asked: Sequence[Asked],
    index: VectorIndex,
    fresh_days: float,
    progress: Progress,
) -> list[Told]:
    """Each way's lists of ten. All ways of one user come after each other, since they share the past."""
    lists: list[list[tuple[Item, ...]]] = [[] for _ in recommenders]
    for done, one in enumerate(asked, start=1):
        for found, (_, recommender) in zip(lists, recommenders, strict=True):
            answer = await recommender.recommend(Query(user_id=one.user_id, as_of=one.as_of), CUT)
            # The answer itself holds on to all behaviour before it.
            found.append(tuple(ranked.item for ranked in answer.items))
        progress("lists replayed", done, len(asked))
    return [_told(way, found, asked, index, fresh_days) for found, (way, _) in zip(lists, recommenders, strict=True)]


def n_repeats(items: Sequence[Item]) -> int:
    """How many items are the same thing as one above them.

    That is: the same title up to a bracket or dash, of the same year and artist; or a whole sentence in common. It asks
    neither the embedding nor the shingles that the arrangement goes by.
    """
    seen: set[tuple[object, ...]] = set()
    n = 0
    for item in items:
        own = _marks(item)
        n += not seen.isdisjoint(own)
        seen |= own
    return n


def _marks(item: Item) -> set[tuple[object, ...]]:
    title = _BRACKET_OR_DASH.sub("", item.title).casefold()
    marks: set[tuple[object, ...]] = {(title, item.attributes.get("year"), item.attributes.get("artist"))}
    sentences = (sentence.strip().casefold() for sentence in (item.description or "").split("."))
    return marks | {(sentence,) for sentence in sentences if len(sentence.split()) >= _FEWEST_WORDS}


def _told(
    way: Way, lists: Sequence[Sequence[Item]], asked: Sequence[Asked], index: VectorIndex, fresh_days: float
) -> Told:
    ids = sorted({item.item_id for items in lists for item in items})
    stored = index.vectors("items", ids)
    places = {item_id: place for place, item_id in enumerate(stored)}
    table = np.full((len(lists), CUT), -1, dtype=np.int64)
    for row, items in zip(table, lists, strict=True):
        row[: len(items)] = [places.get(item.item_id, -1) for item in items]
    return Told(
        way=way,
        ndcg=np.array(
            [
                ndcg([item.item_id for item in items], one.liked) if one.liked else np.nan
                for items, one in zip(lists, asked, strict=True)
            ]
        ),
        distance=distances(table, np.stack(list(stored.values()))),
        fresh=np.array([_fresh(items, one.as_of, fresh_days) for items, one in zip(lists, asked, strict=True)]),
        repeats=np.array([float(n_repeats(items)) for items in lists]),
    )


def _fresh(items: Sequence[Item], as_of: float, days: float) -> float:
    ages = [days_old(item, as_of) for item in items]
    return sum(age is not None and age <= days for age in ages) / len(items) if items else np.nan
