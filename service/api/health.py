"""Whether the process lives, and whether it can answer."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel

from service.api.dependencies import ServingNow
from service.api.problems import problems

router = APIRouter(prefix="/health", tags=["health"], responses=problems())

_OLD_SERVES = "The adapter that was promoted last does not serve; the log of the service says why."
_BEHIND = "The index could not follow the record; the log of the service says why."


class HealthOut(BaseModel):
    """Whether the process is alive, or ready to rank."""

    status: str
    adapter: str | None = None
    """Label of the adapter that serves; left out for the model as it is."""
    problem: str | None = None
    """That the adapter promoted last does not serve, or that the index stays behind; left out where all is well."""
    indexing: bool | None = None
    """True while writes wait to be indexed; left out where none do."""
    engine_breaker: str | None = None
    """open or half-open while lists come without the LLM because it failed; left out where it works."""
    index_breaker: str | None = None
    """The same of the index, without which lists are what most people take."""


@router.get("/live", response_model_exclude_none=True)
async def live() -> HealthOut:
    """The process answers."""
    return HealthOut(status="alive")


@router.get("/ready", response_model_exclude_none=True)
async def ready(serving: ServingNow) -> HealthOut:
    """Store open, model loaded and warm; 503 before that.

    Lists are answered even where something is down: then it says "degraded". The index may be a moment behind the
    record.
    """
    serving.look()
    info, ladder = serving.recommender.engine.info, serving.recommender.ladder
    # Nobody is asked for a key here, and the reasons may name the operator's files and servers.
    problem = _OLD_SERVES if serving.problem else _BEHIND if serving.indexing.problem else None
    broken = {} if ladder is None else {"engine": ladder.engine.state, "index": ladder.index.state}
    broken = {name: state for name, state in broken.items() if state != "closed"}
    if serving.warming:
        raise HTTPException(503, "The model is not warm yet; try again.", {"retry-after": "1"})
    return HealthOut(
        status=f"{'degraded' if broken else 'ready'}: {info.model}",
        engine_breaker=broken.get("engine"),
        index_breaker=broken.get("index"),
        adapter=info.adapter,
        problem=problem,
        indexing=serving.indexing.behind or None,
    )
