"""Taking many items out of all lists at once."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from retrieval.record import Record
from service.api.dependencies import IndexingNow, StoreNow
from service.api.fields import In, Text
from service.api.problems import problems
from service.expiry import expire_told
from service.wire import Wire

router = APIRouter(prefix="/v1/items", tags=["items"])

MOST_NAMED = 100


class ExpireIn(In):
    """Which items: both must hold where both are given, and one must be."""

    filters: list[Text] = Field(default=[], max_length=20)
    """Conditions such as "topics=sport" or "domain=news"; all must hold."""
    older_than_days: Annotated[float, Field(gt=0, le=36_500)] | None = None
    """Only items whose `added_at` is longer ago."""
    dry_run: bool = False
    """Tell which it would be, and change nothing."""


class ExpiredOut(Wire):
    """What expired, or would."""

    n: int
    item_ids: list[str]
    """The first hundred, by id."""
    dry_run: bool


@router.post("/expire", responses=problems(400, 422))
async def expire_items(body: ExpireIn, store: StoreNow, indexing: IndexingNow) -> ExpiredOut:
    """Lets items expire now: no list that begins later holds them. They stay in histories."""
    found = await asyncio.to_thread(expired, store.record, body)
    if found.n and not body.dry_run:
        indexing.wake()
    return found


def expired(record: Record, body: ExpireIn) -> ExpiredOut:
    """Does it. Raises InputError for a condition that cannot be read or is on an attribute that no item has."""
    ids = expire_told(record, body.filters, body.older_than_days, dry_run=body.dry_run)
    return ExpiredOut(n=len(ids), item_ids=list(ids[:MOST_NAMED]), dry_run=body.dry_run)
