"""What the paths are given: the serving, its store, and one Recommender for the whole request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request

from ranking.recommender import Recommender
from retrieval.store import Store
from service.indexing import Indexing
from service.serving import Serving


def _serving(request: Request) -> Serving:
    serving = request.app.state.serving
    assert isinstance(serving, Serving)  # noqa: S101 - the lifespan put it there
    return serving


ServingNow = Annotated[Serving, Depends(_serving)]


def _store(serving: ServingNow) -> Store:
    return serving.store


def _indexing(serving: ServingNow) -> Indexing:
    return serving.indexing


StoreNow = Annotated[Store, Depends(_store)]
IndexingNow = Annotated[Indexing, Depends(_indexing)]


async def _recommender(serving: ServingNow) -> AsyncIterator[Recommender]:
    # One for the whole request, whatever is promoted meanwhile.
    async with serving.use() as recommender:
        yield recommender


Ranker = Annotated[Recommender, Depends(_recommender)]
