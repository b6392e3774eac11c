"""Lists of items for a visitor of whom nothing is stored."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from ranking.ads.auctioneer import with_ads
from retrieval.errors import InputError, NotFoundError
from retrieval.store import Store
from retrieval.types import PastItem
from service.api.dependencies import Ranker, StoreNow
from service.api.fields import Id, In, Time
from service.api.problems import problems
from service.api.recommend import WantedIn
from service.api.shown import remember
from service.schemas import RecommendationOut

router = APIRouter(prefix="/v1", tags=["recommend"])


class SessionItemIn(In):
    """Something that the visitor did."""

    item_id: Id
    liked: bool = True
    at: Time | None = None
    """When; left out, a second before the item after it; the last one a moment ago."""


class SessionIn(WantedIn):
    """What to recommend to a visitor of whom nothing is stored."""

    items: Annotated[list[SessionItemIn], Field(min_length=1, max_length=1000)]
    """What they looked at or took, oldest first."""


@router.post("/session/recommend", responses=problems(400, 404, 409, 413, 422))
async def recommend_for_session(body: SessionIn, recommender: Ranker, store: StoreNow) -> RecommendationOut:
    """Items for a visitor by what they did just now, without a stored user."""
    history = await asyncio.to_thread(history_of, store, body.items)
    chosen = recommender.of(body.scenario)
    answer = await chosen.recommend(body.asked(history=history), body.n, explain=body.explain)
    answer = await with_ads(chosen.auctioneer, answer)
    await remember(store, answer, "session")
    return RecommendationOut.of(answer)


def history_of(store: Store, items: Sequence[SessionItemIn]) -> tuple[PastItem, ...]:
    """The items as a past, in their order. Raises NotFoundError for one that is not in the store.

    Where times are given they must not go backwards: InputError.
    """
    known = store.record.items(one.item_id for one in items)
    for one in items:
        if one.item_id not in known:
            raise NotFoundError(f"no item {one.item_id!r} in the store")
    return tuple(
        PastItem(item=known[one.item_id], timestamp=moment, liked=one.liked)
        for one, moment in zip(items, _times(items, time.time()), strict=True)
    )


def _times(items: Sequence[SessionItemIn], now: float) -> list[float]:
    """A second apart where no time is given, and before now, so that their order is kept."""
    told = [one.at for one in items if one.at is not None]
    if told != sorted(told):
        raise InputError("items are told oldest first, but a time of `at` lies before the one above it")
    found: list[float] = []
    later = now
    for one in reversed(items):
        later = later - 1.0 if one.at is None else min(one.at, later - 0.001)
        found.append(later)
    return found[::-1]
