"""Items and users in Gorse's shapes."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter
from fastapi import Query as Parameter
from pydantic import Field

from retrieval.erasure import erase_user
from retrieval.errors import NotFoundError
from retrieval.types import Query
from service.api.dependencies import IndexingNow, Ranker, StoreNow
from service.api.fields import ItemId, Text, UserId, cursor_after
from service.api.gorse.shapes import (
    AfterPage,
    Count,
    ItemChanges,
    ItemIn,
    ItemOut,
    RowsOut,
    UserIn,
    UserOut,
    page_key,
)
from service.api.problems import problems
from service.wire import Wire

router = APIRouter(prefix="/api", tags=["gorse"])


class ItemsOut(Wire):
    """A page of the catalogue, by id."""

    Cursor: str
    """Names the next page; empty on the last."""
    Items: list[ItemOut]


class UsersOut(Wire):
    """A page of users, by id."""

    Cursor: str
    """Names the next page; empty on the last."""
    Users: list[UserOut]


@router.post("/item", responses=problems(400, 413, 422))
async def insert_item(body: ItemIn, store: StoreNow, indexing: IndexingNow) -> RowsOut:
    """Creates or replaces an item."""
    return await insert_items([body], store, indexing)


@router.post("/items", responses=problems(400, 413, 422))
async def insert_items(
    body: Annotated[list[ItemIn], Field(max_length=10_000)], store: StoreNow, indexing: IndexingNow
) -> RowsOut:
    """Creates or replaces items."""
    await asyncio.to_thread(store.record.put_items, [given.item() for given in body])
    indexing.wake()
    return RowsOut(RowAffected=len(body))


@router.get("/items", responses=problems(400, 409, 422))
async def list_items(
    store: StoreNow,
    recommender: Ranker,
    n: Count = 10,
    cursor: AfterPage = "",
    q: Annotated[
        Text | None, Parameter(description="Words to search for; left out, it is the catalogue by id.")
    ] = None,
) -> ItemsOut:
    """A page of the catalogue, or what a search finds."""
    if q is not None:
        found = await asyncio.to_thread(recommender.retriever.retrieve, Query(text=q), n)
        return ItemsOut(Cursor="", Items=[ItemOut.of(one.item) for one in found.candidates])
    page = await asyncio.to_thread(store.record.pages().items, page_key(cursor), n + 1)
    after = cursor_after(page[n - 1].item_id) if len(page) > n else ""
    return ItemsOut(Cursor=after, Items=[ItemOut.of(item) for item in page[:n]])


@router.get("/item/{item_id}", responses=problems(404, 422))
async def get_item(item_id: ItemId, store: StoreNow) -> ItemOut:
    """One item."""
    found = (await asyncio.to_thread(store.record.items, (item_id,))).get(item_id)
    if found is None:
        raise NotFoundError(f"no item {item_id!r} in the store")
    return ItemOut.of(found)


@router.patch("/item/{item_id}", responses=problems(400, 404, 413, 422))
async def update_item(item_id: ItemId, body: ItemChanges, store: StoreNow, indexing: IndexingNow) -> RowsOut:
    """Changes what is not null."""
    if await asyncio.to_thread(store.record.change_item, item_id, body.apply) is None:
        raise NotFoundError(f"no item {item_id!r} in the store")
    indexing.wake()
    return RowsOut(RowAffected=1)


@router.delete("/item/{item_id}", responses=problems(422))
async def delete_item(item_id: ItemId, store: StoreNow, indexing: IndexingNow) -> RowsOut:
    """Deletes an item and all interactions with it; 0 rows where there is none."""
    deleted = await asyncio.to_thread(store.record.delete_items, (item_id,))
    indexing.wake()
    return RowsOut(RowAffected=deleted)


@router.post("/user", responses=problems(400, 413, 422))
async def insert_user(body: UserIn, store: StoreNow, indexing: IndexingNow) -> RowsOut:
    """Creates or replaces a user."""
    return await insert_users([body], store, indexing)


@router.post("/users", responses=problems(400, 413, 422))
async def insert_users(
    body: Annotated[list[UserIn], Field(max_length=10_000)], store: StoreNow, indexing: IndexingNow
) -> RowsOut:
    """Creates or replaces users."""
    await asyncio.to_thread(store.record.put_users, [given.user() for given in body])
    indexing.wake()
    return RowsOut(RowAffected=len(body))


@router.get("/users", responses=problems(400, 422))
async def list_users(store: StoreNow, n: Count = 10, cursor: AfterPage = "") -> UsersOut:
    """All users, a page at a time."""
    page = await asyncio.to_thread(store.record.pages().users, page_key(cursor), n + 1)
    after = cursor_after(page[n - 1].user_id) if len(page) > n else ""
    return UsersOut(Cursor=after, Users=[UserOut.of(user) for user in page[:n]])


@router.get("/user/{user_id}", responses=problems(404, 422))
async def get_user(user_id: UserId, store: StoreNow) -> UserOut:
    """One user."""
    found = await asyncio.to_thread(store.record.user, user_id)
    if found is None:
        raise NotFoundError(f"no user {user_id!r} in the store")
    return UserOut.of(found)


@router.delete("/user/{user_id}", responses=problems(422))
async def delete_user(user_id: UserId, store: StoreNow) -> RowsOut:
    """Erases a user for good, with all that is theirs; 0 rows where there is none."""
    try:
        await asyncio.to_thread(erase_user, store, user_id)
    except NotFoundError:
        return RowsOut(RowAffected=0)
    return RowsOut(RowAffected=1)
