"""Whether the process lives, and whether it can answer."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from service.api.dependencies import ServingNow
from service.api.problems import problems

router = APIRouter(prefix="/health", tags=["health"], responses=problems())


class HealthOut(BaseModel):
    """Whether the process is alive, or ready to rank."""

    status: str
    adapter: str | None = None
    """Label of the adapter that serves; left out for the model as it is."""
    problem: str | None = None
    """Why the adapter that was promoted last does not serve, or why the index is behind; left out where all is well."""
    indexing: bool | None = None
    """True while writes wait to be indexed; left out where none do."""


@router.get("/live", response_model_exclude_none=True)
async def live() -> HealthOut:
    """The process answers."""
    return HealthOut(status="alive")


@router.get("/ready", response_model_exclude_none=True)
async def ready(serving: ServingNow) -> HealthOut:
    """Store open and model loaded: the server answers only after that. The index may be a moment behind the record."""
    serving.look()
    info = serving.recommender.engine.info
    return HealthOut(
        status=f"ready: {info.model}",
        adapter=info.adapter,
        problem=serving.problem or serving.indexing.problem,
        indexing=serving.indexing.behind or None,
    )
