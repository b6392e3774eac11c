"""Users for an item."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from fastapi import Query as Parameter

from service.api.dependencies import Ranker
from service.api.fields import ItemId
from service.api.problems import problems
from service.audience import AudienceOut

router = APIRouter(prefix="/v1/items", tags=["items"])


@router.get("/{item_id}/audience", responses=problems(400, 404, 422))
async def audience(
    item_id: ItemId, recommender: Ranker, n: Annotated[int, Parameter(ge=1, le=1000)] = 100
) -> AudienceOut:
    """Users whom the item is for, by id, best first: near what they liked, ranked by the LLM. For administrators."""
    return AudienceOut.of(await recommender.audience.rank(item_id, n))
