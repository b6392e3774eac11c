"""Items beside an item."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter
from fastapi import Query as Parameter
from pydantic import JsonValue

from retrieval.record.types import ShownList
from retrieval.types import Candidate, Query
from service.api.dependencies import Ranker, StoreNow
from service.api.fields import ItemId, Text
from service.api.problems import problems
from service.api.session import SessionItemIn, history_of
from service.schemas import SignalsOut, SourceOut
from service.stored import attributes_out
from service.wire import Wire

router = APIRouter(prefix="/v1/items", tags=["items"])


class SimilarItemOut(Wire):
    """One place of a list of similar items."""

    item_id: str
    title: str
    score: float
    rank: int
    domain: str
    attributes: dict[str, JsonValue]
    sources: list[SourceOut]
    signals: SignalsOut


class SimilarOut(Wire):
    """Items near an item."""

    request_id: str
    item_id: str
    items: list[SimilarItemOut]

    @classmethod
    def of(cls, request_id: str, item_id: str, candidates: Sequence[Candidate]) -> SimilarOut:
        """The wire shape, in the order of the candidates."""
        items = [
            SimilarItemOut(
                item_id=one.item.item_id,
                title=one.item.title,
                score=one.score,
                rank=one.rank,
                domain=one.item.domain,
                attributes=attributes_out(one.item.attributes),
                sources=[SourceOut.of(vote) for vote in one.votes],
                signals=SignalsOut.of(one.signals),
            )
            for one in candidates
        ]
        return cls(request_id=request_id, item_id=item_id, items=items)


@router.get("/{item_id}/similar", responses=problems(404, 422))
async def similar_items(
    item_id: ItemId,
    recommender: Ranker,
    store: StoreNow,
    n: Annotated[int, Parameter(ge=1, le=100)] = 10,
    domain: Annotated[Text | None, Parameter()] = None,
) -> SimilarOut:
    """Items near this one, in what they are and in who takes them; the LLM is not asked."""
    history = await asyncio.to_thread(history_of, store, [SessionItemIn(item_id=item_id)])
    found = await asyncio.to_thread(recommender.retriever.retrieve, Query(history=history, domain=domain), n)
    shown = ShownList(
        request_id=str(uuid4()),
        user_id=None,
        door="similar",
        asked_at=found.as_of,
        item_ids=tuple(candidate.item.item_id for candidate in found.candidates),
        ranked_by="retrieval",
    )
    await asyncio.to_thread(store.record.shown().log, shown)
    return SimilarOut.of(shown.request_id, item_id, found.candidates)
