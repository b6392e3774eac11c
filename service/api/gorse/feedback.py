"""Feedback in Gorse's shape: what its clients write, and all feedback of every door to read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from retrieval.ids import Pair
from retrieval.record.types import Feedback
from retrieval.store import Store
from retrieval.types import Item, User
from service.api.dependencies import IndexingNow, StoreNow
from service.api.fields import ItemId, Text, UserId, cursor_after
from service.api.gorse.shapes import AfterPage, Count, FeedbackIn, FeedbackOut, RowsOut, page_key
from service.api.problems import problems
from service.wire import Wire

router = APIRouter(prefix="/api", tags=["gorse"])


class FeedbacksOut(Wire):
    """A page of feedback."""

    Cursor: str
    """Names the next page; empty on the last."""
    Feedback: list[FeedbackOut]


@router.put("/feedback", responses=problems(400, 409, 413, 422))
@router.post("/feedback", responses=problems(400, 409, 413, 422))
async def insert_feedback(
    body: Annotated[list[FeedbackIn], Field(max_length=10_000)], store: StoreNow, indexing: IndexingNow
) -> RowsOut:
    """Stores what users did with items; sent again it changes nothing.

    A user who does not exist is created. So is an item, hidden until it is described.
    """
    given = [one.feedback() for one in body]
    try:
        await asyncio.to_thread(_store, store, given)
    finally:
        # Each is stored by itself: what came before one that is refused stays.
        indexing.wake()
    return RowsOut(RowAffected=len(given))


@router.get("/feedback", responses=problems(400, 422))
async def list_feedback(store: StoreNow, n: Count = 10, cursor: AfterPage = "") -> FeedbacksOut:
    """All feedback, a page at a time, in no order that means anything."""
    page = await asyncio.to_thread(store.record.pages().feedback, page_key(cursor), n + 1)
    after = cursor_after(page[n - 1].feedback_id) if len(page) > n else ""
    return FeedbacksOut(Cursor=after, Feedback=[FeedbackOut.of(one) for one in page[:n]])


@router.get("/feedback/{user_id}/{item_id}", responses=problems(422))
async def get_feedback(user_id: UserId, item_id: ItemId, store: StoreNow) -> list[FeedbackOut]:
    """What a user did with an item, oldest first."""
    return [one for one in await list_user_feedback(user_id, store) if one.ItemId == item_id]


@router.delete("/feedback/{user_id}/{item_id}", responses=problems(422))
async def delete_feedback(user_id: UserId, item_id: ItemId, store: StoreNow, indexing: IndexingNow) -> RowsOut:
    """Deletes what a user did with an item, and the interaction that followed from it; says how many entries."""
    deleted = await asyncio.to_thread(_delete, store, Pair(user_id, item_id))
    indexing.wake()
    return RowsOut(RowAffected=deleted)


@router.get("/user/{user_id}/feedback", responses=problems(422))
async def list_user_feedback(user_id: UserId, store: StoreNow) -> list[FeedbackOut]:
    """What a user did, oldest first."""
    given = await asyncio.to_thread(store.record.feedback().of_user, user_id)
    return [FeedbackOut.of(one) for one in given]


@router.get("/user/{user_id}/feedback/{feedback_type}", responses=problems(422))
async def list_user_feedback_of_type(user_id: UserId, feedback_type: Text, store: StoreNow) -> list[FeedbackOut]:
    """What a user did of one type, oldest first."""
    return [one for one in await list_user_feedback(user_id, store) if one.FeedbackType == feedback_type]


def _store(store: Store, given: Sequence[Feedback]) -> None:
    record = store.record
    users, items = record.users(one.user_id for one in given), record.items(one.item_id for one in given)
    record.put_users([User(user_id=new) for new in sorted({one.user_id for one in given} - set(users))])
    unknown = sorted({one.item_id for one in given} - set(items))
    record.put_items([Item(item_id=new, title=new, hidden=True) for new in unknown])
    for one in given:
        record.feedback().give(one)


def _delete(store: Store, pair: Pair) -> int:
    deleted = store.record.feedback().take_back(pair)
    interactions = store.record.delete_interactions((pair,))
    return deleted or interactions
