"""One application for each tenant, behind one door."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

import structlog
from fastapi import FastAPI

from prompts.errors import PromptError
from ranking.errors import RankingError
from retrieval.errors import RetrievalError, one_line

_log = structlog.get_logger(__name__)


class Tenants:
    """Opens a tenant's application with its first request, and closes all with the service.

    An application sees the store of its tenant and no other: which one a request goes to, its key says and nothing
    that the request says.
    """

    def __init__(self, make: Callable[[str], FastAPI]) -> None:
        self._make = make
        self._apps: dict[str, asyncio.Task[FastAPI]] = {}
        self._opened = AsyncExitStack()

    async def app(self, name: str) -> FastAPI:
        """The tenant's application; raises whatever opening it does, and tries again with the next request."""
        opening = self._apps.get(name)
        if opening is None or (opening.done() and opening.exception() is not None):
            opening = self._apps[name] = asyncio.create_task(self._open(name))
        # A client that leaves cancels its request, not the opening, which would leave the store locked.
        return await asyncio.shield(opening)

    async def close(self) -> None:
        """Closes all that were opened."""
        await asyncio.gather(*self._apps.values(), return_exceptions=True)
        await self._opened.aclose()

    async def _open(self, name: str) -> FastAPI:
        made = self._make(name)
        try:
            await self._opened.enter_async_context(made.router.lifespan_context(made))
        except (RetrievalError, PromptError, RankingError) as error:
            _log.error("a tenant cannot be opened", tenant=name, error=type(error).__name__, message=one_line(error))
            raise
        return made
