"""Users: who they are, all that is kept of them, and their erasure."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from fastapi import APIRouter, Request, Response
from pydantic import Field

from retrieval.erasure import erase_user
from retrieval.errors import NotFoundError
from retrieval.record.types import Written
from retrieval.store import Store
from retrieval.types import User
from service.api.bulk import BODY, BulkOut, Line, Rejects, load
from service.api.dependencies import IndexingNow, StoreNow
from service.api.fields import (
    AttributeChanges,
    AttributesIn,
    Cursor,
    Id,
    In,
    Limit,
    UserId,
    attributes_of,
    cursor_after,
    key_of,
    merged,
)
from service.api.personal import ErasedOut, ExportOut
from service.api.problems import problems
from service.stored import UserOut
from service.wire import Wire

router = APIRouter(prefix="/v1/users", tags=["users"])


class UserIn(In):
    """All that is known of a user beside what they did."""

    attributes: AttributesIn = Field(default={})


class UserLine(UserIn):
    """A line of a bulk upload."""

    user_id: Id

    def user(self) -> User:
        """As the record takes it."""
        return User(user_id=self.user_id, attributes=attributes_of(self.attributes))


class UserChanges(In):
    """What changes; what is left out stays."""

    attributes: AttributeChanges = Field(default={})


class UsersOut(Wire):
    """A page of users, by id."""

    users: list[UserOut]
    cursor: str | None
    """Names the next page; null on the last."""


@router.get("", responses=problems(400, 422))
async def list_users(store: StoreNow, limit: Limit = 100, cursor: Cursor = None) -> UsersOut:
    """All users, a page at a time."""
    page = await asyncio.to_thread(store.record.pages().users, key_of(cursor), limit + 1)
    more = len(page) > limit
    return UsersOut(
        users=[UserOut.of(user) for user in page[:limit]],
        cursor=cursor_after(page[limit - 1].user_id) if more else None,
    )


@router.post("/bulk", responses=problems(400, 413), openapi_extra=BODY)
async def put_users(request: Request, store: StoreNow, indexing: IndexingNow) -> BulkOut:
    """Creates or replaces many users: one JSON object a line, as of PUT, with its `user_id`."""
    return await load(request, UserLine, partial(_put, store), indexing)


@router.get("/{user_id}", responses=problems(404, 422))
async def get_user(user_id: UserId, store: StoreNow) -> UserOut:
    """One user."""
    found = await asyncio.to_thread(store.record.user, user_id)
    if found is None:
        raise _unknown(user_id)
    return UserOut.of(found)


@router.put("/{user_id}", responses={**problems(413, 422), 201: {"model": UserOut, "description": "It is new."}})
async def put_user(
    user_id: UserId, body: UserIn, response: Response, store: StoreNow, indexing: IndexingNow
) -> UserOut:
    """Creates the user (201) or replaces what is known of them (200)."""
    user = User(user_id=user_id, attributes=attributes_of(body.attributes))
    written = await asyncio.to_thread(store.record.put_users, (user,))
    indexing.wake()
    response.status_code = 201 if written.inserted else 200
    return UserOut.of(user)


@router.patch("/{user_id}", responses=problems(404, 413, 422))
async def change_user(user_id: UserId, body: UserChanges, store: StoreNow, indexing: IndexingNow) -> UserOut:
    """Changes some of what is known of a user."""
    changed = await asyncio.to_thread(store.record.change_user, user_id, partial(_changed, body))
    if changed is None:
        raise _unknown(user_id)
    indexing.wake()
    return UserOut.of(changed)


@router.delete("/{user_id}", responses=problems(404, 422))
async def delete_user(user_id: UserId, store: StoreNow) -> ErasedOut:
    """Erases a user for good, with all that is theirs, and says what that was.

    The index's files are compacted for it, so in a large store this takes a while. Broken off, it goes on at the next
    start.
    """
    return ErasedOut.of(await asyncio.to_thread(erase_user, store, user_id))


@router.get("/{user_id}/export", responses=problems(404, 422))
async def export_user(user_id: UserId, store: StoreNow) -> ExportOut:
    """All that is kept of a user."""
    await asyncio.to_thread(store.record.refresh_demonstrations)
    found = await asyncio.to_thread(store.record.personal().copy, user_id)
    if found is None:
        raise _unknown(user_id)
    return ExportOut.of(found)


def _put(store: Store, lines: Sequence[Line[UserLine]], _: Rejects) -> Written:
    return store.record.put_users([line.content.user() for line in lines])


def _changed(changes: UserChanges, user: User) -> User:
    return replace(user, attributes=merged(user.attributes, changes.attributes))


def _unknown(user_id: str) -> NotFoundError:
    return NotFoundError(f"no user {user_id!r} in the store")
