"""The catalogue, searched by words."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi import Query as Parameter

from retrieval.search import CatalogueSearch
from service.api.dependencies import StoreNow
from service.api.fields import Text
from service.api.problems import problems
from service.stored import CatalogueItemOut
from service.wire import Wire

router = APIRouter(prefix="/v1", tags=["items"])


class FoundOut(Wire):
    """What was found, best first."""

    items: list[CatalogueItemOut]


def _search(request: Request, store: StoreNow) -> CatalogueSearch:
    # The catalogue is kept from one request to the next.
    state = request.app.state
    kept = getattr(state, "catalogue_search", None)
    if not isinstance(kept, CatalogueSearch):
        kept = CatalogueSearch(store.record, store.index, store.embedder)
        state.catalogue_search = kept
    return kept


@router.get("/search", responses=problems(422))
async def search(
    q: Annotated[Text, Parameter(description="Words of a title, or what it is about.")],
    search: Annotated[CatalogueSearch, Depends(_search)],
    n: Annotated[int, Parameter(ge=1, le=100)] = 20,
) -> FoundOut:
    """Items whose titles hold the words, then items near in meaning; the LLM is not asked."""
    return FoundOut(items=[CatalogueItemOut.of(item) for item in await asyncio.to_thread(search.find, q, n)])
