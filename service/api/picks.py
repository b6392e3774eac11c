"""What to ask somebody about of whom nothing is known."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

from fastapi import APIRouter
from fastapi import Query as Parameter

from retrieval.errors import NotFoundError
from retrieval.picks import LOOKED_AT, choose_picks
from retrieval.types import Candidate, Query
from service.api.dependencies import Ranker, StoreNow
from service.api.fields import Id, Text
from service.api.problems import problems
from service.stored import CatalogueItemOut
from service.wire import Wire

router = APIRouter(prefix="/v1", tags=["recommend"])


class PicksOut(Wire):
    """Items to ask "which of these do you like?" about."""

    items: list[CatalogueItemOut]


@router.get("/picks", responses=problems(404, 409, 422))
async def picks(
    recommender: Ranker,
    store: StoreNow,
    n: Annotated[int, Parameter(ge=1, le=20)] = 8,
    user_id: Annotated[Id | None, Parameter()] = None,
    domain: Annotated[Text | None, Parameter()] = None,
) -> PicksOut:
    """Popular items that are unlike each other, to learn a newcomer's taste from; the LLM is not asked.

    With a user, only items that they have not seen.
    """

    def chosen() -> tuple[Candidate, ...]:
        # Nothing but what most people take: a user's own history must not narrow what they are asked about.
        barred = frozenset() if user_id is None else _seen(store, user_id)
        popular = recommender.retriever.retrieve(Query(exclude=barred, domain=domain), LOOKED_AT).candidates
        vectors = store.index.vectors("items", [one.item.item_id for one in popular])
        return choose_picks(popular, vectors, n)

    return PicksOut(items=[CatalogueItemOut.of(one.item) for one in await asyncio.to_thread(chosen)])


def _seen(store: StoreNow, user_id: str) -> frozenset[str]:
    if store.record.user(user_id) is None:
        raise NotFoundError(f"no user {user_id!r} in the store")
    seen = frozenset(past.item.item_id for past in store.record.history(user_id))
    return seen | store.record.feedback().dismissed(user_id, time.time())
