"""What users did with items: one entry for each pair of user and item."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field

from retrieval.errors import InputError, NotFoundError
from retrieval.ids import Pair
from retrieval.record.types import Written
from retrieval.store import Store
from retrieval.types import Interaction
from service.api.bulk import BODY, BulkOut, Line, Rejects, load
from service.api.dependencies import IndexingNow, StoreNow
from service.api.fields import Cursor, Id, In, ItemId, Limit, Time, UserId, cursor_after, key_of, not_in_the_future
from service.api.problems import problems
from service.stored import InteractionOut
from service.wire import Wire

router = APIRouter(prefix="/v1", tags=["interactions"])
_OF_USER = "/users/{user_id}/interactions"
_ONE = "/users/{user_id}/interactions/{item_id}"

_Rating = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]


class InteractionIn(In):
    """What a user did with an item. Time left out is now."""

    timestamp: Time | None = None
    liked: bool = True
    rating: _Rating | None = None
    """On the data's own scale; `liked` says what it means."""

    def interaction(self, user_id: str, item_id: str) -> Interaction:
        """As the record takes it. Raises InputError for a time in the future."""
        return Interaction(
            user_id=user_id,
            item_id=item_id,
            timestamp=not_in_the_future(self.timestamp),
            liked=self.liked,
            rating=self.rating,
        )


class InteractionLine(InteractionIn):
    """A line of a bulk upload."""

    user_id: Id
    item_id: Id
    timestamp: Time
    """Named here, so that the same upload again changes nothing."""


class InteractionChanges(In):
    """What changes; what is left out stays."""

    timestamp: Time | None = None
    liked: bool | None = None
    rating: _Rating | None = None
    """null removes it."""

    def apply(self, one: Interaction) -> Interaction:
        """With the changes. Raises InputError for a time in the future."""
        return replace(
            one,
            timestamp=one.timestamp if self.timestamp is None else not_in_the_future(self.timestamp),
            liked=one.liked if self.liked is None else self.liked,
            rating=self.rating if "rating" in self.model_fields_set else one.rating,
        )


class InteractionsOut(Wire):
    """A page of a user's interactions, by item id."""

    interactions: list[InteractionOut]
    cursor: str | None
    """Names the next page; null on the last."""


@router.post("/interactions/bulk", responses=problems(400, 413), openapi_extra=BODY)
async def put_interactions(request: Request, store: StoreNow, indexing: IndexingNow) -> BulkOut:
    """Creates or replaces many interactions: one JSON object a line, with its `user_id`, `item_id` and `timestamp`.

    Lines whose user or item does not exist are rejected.
    """
    return await load(request, InteractionLine, partial(_put, store), indexing)


@router.get(_OF_USER, responses=problems(400, 404, 422))
async def list_interactions(
    user_id: UserId, store: StoreNow, limit: Limit = 100, cursor: Cursor = None
) -> InteractionsOut:
    """A user's interactions, a page at a time."""
    key = key_of(cursor)
    if await asyncio.to_thread(store.record.user, user_id) is None:
        raise NotFoundError(f"no user {user_id!r} in the store")
    page = await asyncio.to_thread(store.record.pages().interactions, user_id, key, limit + 1)
    more = len(page) > limit
    return InteractionsOut(
        interactions=[InteractionOut.of(one) for one in page[:limit]],
        cursor=cursor_after(page[limit - 1].item_id) if more else None,
    )


@router.get(_ONE, responses=problems(404, 422))
async def get_interaction(user_id: UserId, item_id: ItemId, store: StoreNow) -> InteractionOut:
    """One interaction."""
    found = await asyncio.to_thread(store.record.interaction, user_id, item_id)
    if found is None:
        raise _unknown(user_id, item_id)
    return InteractionOut.of(found)


@router.put(
    _ONE, responses={**problems(400, 404, 413, 422), 201: {"model": InteractionOut, "description": "It is new."}}
)
async def put_interaction(
    user_id: UserId, item_id: ItemId, body: InteractionIn, response: Response, store: StoreNow, indexing: IndexingNow
) -> InteractionOut:
    """Creates the interaction (201) or replaces it (200)."""
    one = body.interaction(user_id, item_id)
    rejects = Rejects()
    written = await asyncio.to_thread(_put_known, store, [(0, one)], rejects)
    if rejects.count:
        raise NotFoundError(rejects.told[0].reason)
    indexing.wake()
    response.status_code = 201 if written.inserted else 200
    return InteractionOut.of(one)


@router.patch(_ONE, responses=problems(400, 404, 413, 422))
async def change_interaction(
    user_id: UserId, item_id: ItemId, body: InteractionChanges, store: StoreNow, indexing: IndexingNow
) -> InteractionOut:
    """Changes some of what is known of an interaction."""
    changed = await asyncio.to_thread(store.record.change_interaction, Pair(user_id, item_id), body.apply)
    if changed is None:
        raise _unknown(user_id, item_id)
    indexing.wake()
    return InteractionOut.of(changed)


@router.delete(_ONE, status_code=204, responses=problems(404, 422))
async def delete_interaction(user_id: UserId, item_id: ItemId, store: StoreNow, indexing: IndexingNow) -> None:
    """Deletes one interaction: the item may be recommended again."""
    if not await asyncio.to_thread(store.record.delete_interactions, (Pair(user_id, item_id),)):
        raise _unknown(user_id, item_id)
    indexing.wake()


def _put(store: Store, lines: Sequence[Line[InteractionLine]], rejects: Rejects) -> Written:
    good = []
    for line in lines:
        try:
            good.append((line.number, line.content.interaction(line.content.user_id, line.content.item_id)))
        except InputError as error:
            rejects.add(line.number, str(error))
    return _put_known(store, good, rejects)


def _put_known(store: Store, numbered: Sequence[tuple[int, Interaction]], rejects: Rejects) -> Written:
    users = store.record.users(one.user_id for _, one in numbered)
    items = store.record.items(one.item_id for _, one in numbered)
    known = []
    for number, one in numbered:
        if one.user_id not in users:
            rejects.add(number, f"no user {one.user_id!r} in the store")
        elif one.item_id not in items:
            rejects.add(number, f"no item {one.item_id!r} in the store")
        else:
            known.append(one)
    return store.record.put_interactions(known)


def _unknown(user_id: str, item_id: str) -> NotFoundError:
    return NotFoundError(f"no interaction of user {user_id!r} with item {item_id!r} in the store")
