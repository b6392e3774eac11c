"""The HTTP service: the same Recommender behind REST."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from functools import partial

from fastapi import APIRouter, FastAPI
from opentelemetry.sdk.trace import TracerProvider

from service.api import (
    audience,
    campaigns,
    chat,
    evaluations,
    expiry,
    feedback,
    health,
    interactions,
    items,
    page,
    picks,
    prompt,
    quota,
    recommend,
    scenarios,
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
from service.api.quota import add_quota
from service.api.watch import add_watch
from service.keys.access import Access
from service.serving import Serving
from service.tracing import telemetry

ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    recommend.router,
    session.router,
    scenarios.router,
    expiry.router,
    similar.router,
    audience.router,
    items.router,
    users.router,
    interactions.router,
    feedback.router,
    campaigns.router,
    chat.router,
    picks.router,
    search.router,
    prompt.router,
    evaluations.router,
    quota.router,
    page.router,
    *DOORS,
)
"""Every path of the service belongs to one of these."""


def create_app(
    open_serving: Callable[[], AbstractContextManager[Serving]],
    access: Access | None = None,
    tracer_provider: TracerProvider | None = None,
    open_tenant: Callable[[str], AbstractContextManager[Serving]] | None = None,
) -> FastAPI:
    """The application. What serves is opened when the server starts and closed when it stops.

    Without `access`, whoever reaches it may use it; with it, keys of tenants reach what `open_tenant` opens by name.
    Without `tracer_provider` nothing is traced, whatever the environment asks for.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        opened = open_serving()
        app.state.serving = await asyncio.to_thread(opened.__enter__)
        app.state.serving.begin()
        try:
            yield
        finally:
            await app.state.serving.settled()
            await asyncio.to_thread(opened.__exit__, None, None, None)

    app = FastAPI(
        title="FewRec",
        lifespan=lifespan,
        redirect_slashes=False,
        telemetry=telemetry(tracer_provider),
        # FastAPI's own pages of the interface load their scripts from another host.
        docs_url=None,
        redoc_url=None,
    )
    for router in ROUTERS:
        app.include_router(router)
    app.add_middleware(BodyLimit)
    add_quota(app)
    if access is not None:
        add_guard(app, access, None if open_tenant is None else lambda name: create_app(partial(open_tenant, name)))
    add_problems(app)
    app.add_middleware(OpenAIErrors)  # outside of all that refuse: it translates their refusals
    app.add_middleware(SecurityHeaders)
    add_watch(app)
    return app
