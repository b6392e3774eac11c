"""Lists in Gorse's shapes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Header
from fastapi import Query as Parameter
from pydantic import Field

from ranking.types import Recommendation
from retrieval.errors import InputError
from retrieval.filters import Equals
from retrieval.store import Store
from retrieval.types import Query
from service.api.dependencies import IndexingNow, Ranker, StoreNow
from service.api.fields import Id, ItemId, Text, UserId
from service.api.gorse.shapes import CATEGORIES, Category, FeedbackIn, Few, GorseIn, ScoreOut, Skipped, kind_of
from service.api.problems import problems
from service.api.session import SessionItemIn, history_of
from service.api.shown import remember

router = APIRouter(prefix="/api", tags=["gorse"])

_Version = Annotated[Literal["1", "2"] | None, Header(alias="X-API-Version", description="2: with scores.")]
_Delay = Annotated[str, Parameter(alias="write-back-delay", max_length=100, description="Must be none.")]
_Categories = Annotated[list[Category], Parameter(max_length=20, description="All of them must hold.")]
_WriteBack = Annotated[
    Text | None,
    Parameter(
        alias="write-back-type", description="Feedback to store for every item of the list; asks for scope write too."
    ),
]


class DidIn(GorseIn):
    """What a visitor did with an item."""

    FeedbackType: Text
    ItemId: Id


@router.get("/recommend/{user_id}", responses=problems(400, 404, 409, 422))
async def recommend(
    user_id: UserId,
    recommender: Ranker,
    store: StoreNow,
    indexing: IndexingNow,
    n: Few = 10,
    offset: Skipped = 0,
    category: _Categories = [],  # noqa: B006 - FastAPI copies it
    write_back: _WriteBack = None,
    delay: _Delay = "",
    version: _Version = None,
) -> list[str] | list[ScoreOut]:
    """Items the user has not taken, ranked by the LLM, best first; an unknown user gets what most people take."""
    if write_back is not None:
        kind_of(write_back)
    if delay not in {"", "0", "0s"}:
        raise InputError(f"write-back-delay {delay!r} cannot be kept: nothing is stored ahead of its time")
    known = await asyncio.to_thread(store.record.user, user_id) is not None
    filters = tuple(Equals(attribute=CATEGORIES, value=one) for one in category)
    query = Query(user_id=user_id if known else None, filters=filters)
    answer = await recommender.recommend(query, n + offset)
    answer = replace(answer, items=answer.items[offset:])
    await remember(store, answer, "gorse")
    if write_back is not None and known:
        try:
            await asyncio.to_thread(_write_back, store, answer, user_id, write_back)
        finally:
            indexing.wake()
    scores = _scores(answer)
    return scores if version == "2" else [one.Id for one in scores]


@router.get("/recommend/{user_id}/", responses=problems(400, 404, 409, 422), include_in_schema=False)
async def recommend_without_category(
    user_id: UserId,
    recommender: Ranker,
    store: StoreNow,
    indexing: IndexingNow,
    n: Few = 10,
    offset: Skipped = 0,
    write_back: _WriteBack = None,
    delay: _Delay = "",
    version: _Version = None,
) -> list[str] | list[ScoreOut]:
    """The same, as pygorse asks where it is given no category."""
    return await recommend(user_id, recommender, store, indexing, n, offset, [], write_back, delay, version)


@router.get("/recommend/{user_id}/{category}", responses=problems(400, 404, 409, 422))
async def recommend_of_category(
    user_id: UserId,
    category: Text,
    recommender: Ranker,
    store: StoreNow,
    indexing: IndexingNow,
    n: Few = 10,
    offset: Skipped = 0,
    write_back: _WriteBack = None,
    delay: _Delay = "",
    version: _Version = None,
) -> list[str] | list[ScoreOut]:
    """The same within a category."""
    return await recommend(user_id, recommender, store, indexing, n, offset, [category], write_back, delay, version)


@router.post("/session/recommend", responses=problems(400, 404, 409, 413, 422))
async def recommend_for_session(
    body: Annotated[list[DidIn], Field(min_length=1, max_length=1000)],
    recommender: Ranker,
    store: StoreNow,
    n: Few = 10,
    offset: Skipped = 0,
) -> list[ScoreOut]:
    """Items for a visitor by what they did just now, oldest first."""
    did = [SessionItemIn(item_id=one.ItemId, liked=_liked(one.FeedbackType)) for one in body]
    history = await asyncio.to_thread(history_of, store, did)
    answer = await recommender.recommend(Query(history=history), n + offset)
    answer = replace(answer, items=answer.items[offset:])
    await remember(store, answer, "gorse session")
    return _scores(answer)


@router.get("/item/{item_id}/neighbors", responses=problems(404, 422))
async def neighbors(
    item_id: ItemId, recommender: Ranker, store: StoreNow, n: Few = 10, offset: Skipped = 0
) -> list[ScoreOut]:
    """Items near an item, in what they are and in who takes them; the LLM is not asked."""
    history = await asyncio.to_thread(history_of, store, [SessionItemIn(item_id=item_id)])
    found = await asyncio.to_thread(recommender.retriever.retrieve, Query(history=history), n + offset)
    return [ScoreOut(Id=one.item.item_id, Score=one.score) for one in found.candidates[offset:]]


def _scores(answer: Recommendation) -> list[ScoreOut]:
    return [ScoreOut(Id=one.item.item_id, Score=one.score) for one in answer.items]


def _liked(feedback_type: str) -> bool:
    return kind_of(feedback_type) not in {"dislike", "dismiss"}


def _write_back(store: Store, answer: Recommendation, user_id: str, feedback_type: str) -> None:
    now = datetime.now(UTC)
    for one in answer.items:
        told = FeedbackIn(FeedbackType=feedback_type, UserId=user_id, ItemId=one.item.item_id, Timestamp=now)
        store.record.feedback().give(replace(told.feedback(), request_id=answer.request_id))
