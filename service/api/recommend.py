"""Lists of items for a user."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from ranking.ads.auctioneer import with_ads
from retrieval.conditions import parse_filter
from retrieval.types import PastItem, Query
from service.api.dependencies import Ranker, StoreNow
from service.api.fields import Id, In, Text
from service.api.problems import problems
from service.api.shown import remember
from service.schemas import RecommendationOut

router = APIRouter(prefix="/v1", tags=["recommend"])

_N = Annotated[int, Field(ge=1, le=100)]


class WantedIn(In):
    """What to recommend. Never a model, a path or a URL: these are the operator's settings."""

    n: _N = 10
    query: Text | None = None
    filters: list[Text] = Field(default=[], max_length=20)
    """Conditions such as "year>=2000" or "genres!=Horror"; all must hold."""
    exclude: list[Id] = Field(default=[], max_length=10_000)
    """Item ids that must not come back."""
    domain: Text | None = None
    scenario: Text | None = None
    """Name of one of the operator's or the shipped scenarios; left out, the service's own way."""
    explain: bool = False

    def asked(self, *, user_id: str | None = None, history: tuple[PastItem, ...] | None = None) -> Query:
        """As retrieval takes it. Raises InputError for a filter that cannot be read."""
        return Query(
            user_id=user_id,
            text=self.query,
            filters=tuple(parse_filter(text) for text in self.filters),
            exclude=frozenset(self.exclude),
            domain=self.domain,
            history=history,
        )


class RecommendIn(WantedIn):
    """What to recommend, and to whom; without a user and a query it is what most people take."""

    user_id: Id | None = None


@router.post("/recommend", responses=problems(400, 404, 409, 413, 422))
async def recommend(body: RecommendIn, recommender: Ranker, store: StoreNow) -> RecommendationOut:
    """Items the user has not seen, ranked by the LLM, best first."""
    chosen = recommender.of(body.scenario)
    answer = await chosen.recommend(body.asked(user_id=body.user_id), body.n, explain=body.explain)
    answer = await with_ads(chosen.auctioneer, answer)
    await remember(store, answer, "recommend")
    return RecommendationOut.of(answer)
