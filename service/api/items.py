"""The catalogue."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from fastapi import APIRouter, Request, Response
from pydantic import Field

from retrieval.errors import NotFoundError
from retrieval.record.types import Written
from retrieval.store import Store
from retrieval.types import Item
from service.api.bulk import BODY, BulkOut, Line, Rejects, load
from service.api.dependencies import IndexingNow, StoreNow
from service.api.fields import (
    AttributeChanges,
    AttributesIn,
    Cursor,
    Id,
    In,
    ItemId,
    Limit,
    LongText,
    Text,
    Time,
    Title,
    attributes_of,
    cursor_after,
    key_of,
    merged,
)
from service.api.problems import problems
from service.stored import CatalogueItemOut
from service.wire import Wire

router = APIRouter(prefix="/v1/items", tags=["items"])


class ItemIn(In):
    """All that is known of an item: what is left out is not kept from before."""

    title: Title
    domain: Text = "items"
    description: LongText | None = None
    attributes: AttributesIn = Field(default={})
    added_at: Time | None = None
    hidden: bool = False
    """Never recommended, though it stays in histories."""
    expires_at: Time | None = None
    """From then on it is not recommended."""

    def item(self, item_id: str) -> Item:
        """As the record takes it."""
        return Item(
            item_id=item_id,
            title=self.title,
            domain=self.domain,
            description=self.description,
            attributes=attributes_of(self.attributes),
            added_at=self.added_at,
            hidden=self.hidden,
            expires_at=self.expires_at,
        )


class ItemLine(ItemIn):
    """A line of a bulk upload."""

    item_id: Id


class ItemChanges(In):
    """What changes; what is left out stays."""

    title: Title | None = None
    domain: Text | None = None
    description: LongText | None = None
    """null removes it."""
    attributes: AttributeChanges | None = None
    added_at: Time | None = None
    hidden: bool | None = None
    expires_at: Time | None = None
    """null removes it."""

    def apply(self, item: Item) -> Item:
        """The item with the changes. null clears what may be absent, and leaves the rest as it is."""
        clears = {"description", "added_at", "expires_at"}
        given = {
            name: getattr(self, name)
            for name in self.model_fields_set
            if name in clears or (name != "attributes" and getattr(self, name) is not None)
        }
        return replace(item, **given, attributes=merged(item.attributes, self.attributes or {}))


class ItemsOut(Wire):
    """A page of the catalogue, by id."""

    items: list[CatalogueItemOut]
    cursor: str | None
    """Names the next page; null on the last."""


@router.get("", responses=problems(400, 422))
async def list_items(store: StoreNow, limit: Limit = 100, cursor: Cursor = None) -> ItemsOut:
    """The catalogue, a page at a time; hidden items too."""
    page = await asyncio.to_thread(store.record.pages().items, key_of(cursor), limit + 1)
    more = len(page) > limit
    return ItemsOut(
        items=[CatalogueItemOut.of(item) for item in page[:limit]],
        cursor=cursor_after(page[limit - 1].item_id) if more else None,
    )


@router.post("/bulk", responses=problems(400, 413), openapi_extra=BODY)
async def put_items(request: Request, store: StoreNow, indexing: IndexingNow) -> BulkOut:
    """Creates or replaces many items: one JSON object a line, as of PUT, with its `item_id`."""
    return await load(request, ItemLine, partial(_put, store), indexing)


@router.get("/{item_id}", responses=problems(404, 422))
async def get_item(item_id: ItemId, store: StoreNow) -> CatalogueItemOut:
    """One item."""
    found = (await asyncio.to_thread(store.record.items, (item_id,))).get(item_id)
    if found is None:
        raise _unknown(item_id)
    return CatalogueItemOut.of(found)


@router.put(
    "/{item_id}",
    responses={**problems(413, 422), 201: {"model": CatalogueItemOut, "description": "It is new."}},
)
async def put_item(
    item_id: ItemId, body: ItemIn, response: Response, store: StoreNow, indexing: IndexingNow
) -> CatalogueItemOut:
    """Creates the item (201) or replaces it (200). It can be found a moment later."""
    item = body.item(item_id)
    written = await asyncio.to_thread(store.record.put_items, (item,))
    indexing.wake()
    response.status_code = 201 if written.inserted else 200
    return CatalogueItemOut.of(item)


@router.patch("/{item_id}", responses=problems(404, 413, 422))
async def change_item(item_id: ItemId, body: ItemChanges, store: StoreNow, indexing: IndexingNow) -> CatalogueItemOut:
    """Changes some of what is known of an item."""
    changed = await asyncio.to_thread(store.record.change_item, item_id, body.apply)
    if changed is None:
        raise _unknown(item_id)
    indexing.wake()
    return CatalogueItemOut.of(changed)


@router.delete("/{item_id}", status_code=204, responses=problems(404, 422))
async def delete_item(item_id: ItemId, store: StoreNow, indexing: IndexingNow) -> None:
    """Deletes an item and all interactions with it. To keep it in histories, hide it instead."""
    if not await asyncio.to_thread(store.record.delete_items, (item_id,)):
        raise _unknown(item_id)
    indexing.wake()


def _put(store: Store, lines: Sequence[Line[ItemLine]], _: Rejects) -> Written:
    return store.record.put_items([line.content.item(line.content.item_id) for line in lines])


def _unknown(item_id: str) -> NotFoundError:
    return NotFoundError(f"no item {item_id!r} in the store")
