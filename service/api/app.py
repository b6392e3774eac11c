"""The HTTP service: the same Recommender behind REST."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager

from fastapi import APIRouter, FastAPI

from service.api import (
    chat,
    feedback,
    health,
    interactions,
    items,
    page,
    picks,
    prompt,
    recommend,
    search,
    session,
    similar,
    users,
)
from service.api.auth import add_guard
from service.api.auth_headers import SecurityHeaders
from service.api.doors import DOORS
from service.api.limits import BodyLimit
from service.api.openai.errors import OpenAIErrors
from service.api.problems import add_problems
from service.keys.access import Access
from service.serving import Serving

ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    recommend.router,
    session.router,
    similar.router,
    items.router,
    users.router,
    interactions.router,
    feedback.router,
    chat.router,
    picks.router,
    search.router,
    prompt.router,
    page.router,
    *DOORS,
)
"""Every path of the service belongs to one of these."""


def create_app(open_serving: Callable[[], AbstractContextManager[Serving]], access: Access | None = None) -> FastAPI:
    """The application. What serves is opened when the server starts and closed when it stops.

    Without `access`, whoever reaches it may use it.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        opened = open_serving()
        app.state.serving = await asyncio.to_thread(opened.__enter__)
        try:
            yield
        finally:
            await app.state.serving.settled()
            await asyncio.to_thread(opened.__exit__, None, None, None)

    app = FastAPI(title="FewRec", lifespan=lifespan, redirect_slashes=False)
    for router in ROUTERS:
        app.include_router(router)
    app.add_middleware(BodyLimit)
    if access is not None:
        add_guard(app, access)
    add_problems(app)
    app.add_middleware(OpenAIErrors)  # last, so outermost: it translates the refusals of all others
    app.add_middleware(SecurityHeaders)
    return app
