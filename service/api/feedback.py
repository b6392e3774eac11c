"""What users do with what they are shown, joined to the list and so to its prompt, model and adapter."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Response
from pydantic import Field

from retrieval.erasure import erase_request
from retrieval.errors import NotFoundError
from retrieval.record.types import Feedback, FeedbackKind
from service.api.dependencies import IndexingNow, StoreNow
from service.api.fields import Id, In, Time, not_in_the_future
from service.api.personal import ErasedRequestOut, FeedbackOut, LoggedPromptsOut, ShownOut
from service.api.problems import problems

router = APIRouter(prefix="/v1", tags=["feedback"])


_CLICKED: frozenset[FeedbackKind] = frozenset({"click", "like", "buy"})
"""Who likes or buys a thing has clicked on it."""


class FeedbackIn(In):
    """What a user did with an item.

    A like, a dislike or a purchase becomes the user's interaction with the item; a dismissed item does not come back.
    """

    user_id: Id
    item_id: Id
    kind: FeedbackKind
    request_id: Id | None = None
    """The list that showed the item."""
    rank: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Its place in that list, 1 is best; known from the list where that is named."""
    timestamp: Time | None = None
    """Left out, it is now."""
    feedback_id: Id | None = None
    """Chosen by the client, so that sending again counts once; left out, each sending counts."""


@router.post(
    "/feedback",
    status_code=201,
    responses={
        **problems(400, 404, 409, 413, 422),
        200: {"model": FeedbackOut, "description": "It was stored before; nothing changed."},
    },
)
async def give_feedback(body: FeedbackIn, response: Response, store: StoreNow, indexing: IndexingNow) -> FeedbackOut:
    """Stores feedback; the user's next list knows it at once. The first click on a sponsored entry is charged for."""
    feedback = Feedback(
        feedback_id=body.feedback_id or str(uuid4()),
        user_id=body.user_id,
        item_id=body.item_id,
        kind=body.kind,
        timestamp=not_in_the_future(body.timestamp),
        request_id=body.request_id,
        rank=body.rank,
    )
    taken = await asyncio.to_thread(store.record.feedback().give, feedback)
    if body.request_id is not None and body.kind in _CLICKED:
        # Also where it was stored before: the service may have been stopped between the two.
        await asyncio.to_thread(store.record.ads().charges.click, body.request_id, body.item_id, now=time.time())
    if taken.repeated:
        response.status_code = 200
    else:
        indexing.wake()
    return FeedbackOut.of(taken.feedback)


@router.get("/requests/{request_id}", responses=problems(404, 422))
async def get_request(request_id: Id, store: StoreNow) -> ShownOut:
    """A list that was shown: its items, and the prompt (as a digest), model and adapter that ranked them."""
    found = await asyncio.to_thread(store.record.shown().get, request_id)
    if found is None:
        raise NotFoundError(f"no list {request_id!r}")
    return ShownOut.of(found)


@router.delete("/requests/{request_id}", responses=problems(404, 422))
async def delete_request(request_id: Id, store: StoreNow) -> ErasedRequestOut:
    """Erases a list and what the model was shown for it, such as a visitor's of whom nothing else is stored.

    Feedback that names it stays, and joins to nothing any more.
    """
    return ErasedRequestOut.of(await asyncio.to_thread(erase_request, store, request_id))


@router.get("/requests/{request_id}/prompts", responses=problems(404, 422))
async def get_prompts(request_id: Id, store: StoreNow) -> LoggedPromptsOut:
    """What the model was shown for a list, word by word, where the operator keeps that (setting log.prompts)."""
    found = await asyncio.to_thread(store.record.prompts().get, request_id)
    if found is None:
        raise NotFoundError(f"no prompts of list {request_id!r}: the model was not asked, or they are not kept")
    return LoggedPromptsOut.of(found)
