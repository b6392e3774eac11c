"""Lists of items for a user."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from retrieval.types import Query
from service.api.dependencies import Ranker
from service.api.problems import problems
from service.filters import parse_filter
from service.schemas import RecommendationOut

router = APIRouter(prefix="/v1", tags=["recommend"], responses=problems(400, 404, 409, 413, 422))

_Text = Annotated[str, Field(min_length=1, max_length=1000)]


class RecommendIn(BaseModel):
    """What to recommend, and to whom. Never a model, a path or a URL: these are the operator's settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user_id: _Text | None = None
    n: int = Field(default=10, ge=1, le=100)
    query: _Text | None = None
    filters: list[_Text] = Field(default=[], max_length=20)
    """Conditions such as "year>=2000" or "genres!=Horror"; all must hold."""
    exclude: list[_Text] = Field(default=[], max_length=10_000)
    domain: _Text | None = None
    explain: bool = False


@router.post("/recommend")
async def recommend(body: RecommendIn, recommender: Ranker) -> RecommendationOut:
    """Items the user has not seen, ranked by the LLM, best first."""
    query = Query(
        user_id=body.user_id,
        text=body.query,
        filters=tuple(parse_filter(text) for text in body.filters),
        exclude=frozenset(body.exclude),
        domain=body.domain,
    )
    return RecommendationOut.of(await recommender.recommend(query, body.n, explain=body.explain))
