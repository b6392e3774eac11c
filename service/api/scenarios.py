"""Which scenarios a request may name."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter

from service.api.dependencies import Ranker
from service.api.problems import problems
from service.wire import Wire

router = APIRouter(prefix="/v1", tags=["recommend"])


class ScenarioOut(Wire):
    """A kind of list."""

    name: str
    about: str


class ScenariosOut(Wire):
    """All of them."""

    scenarios: list[ScenarioOut]


@router.get("/scenarios", responses=problems())
async def scenarios(recommender: Ranker) -> ScenariosOut:
    """What `scenario` may say in a request for a list."""
    chosen = recommender.scenarios
    found = [] if chosen is None else await asyncio.to_thread(chosen.known)
    return ScenariosOut(scenarios=[ScenarioOut(name=one.name, about=one.about) for one in found])
