"""How much the store may take: told, and held to where requests are counted by day."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.constants import REF_PREFIX
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.dependencies import StoreNow
from service.api.problems import MEDIA_TYPE, problem, problems
from service.api.scopes import OPEN, SCOPES, scope_of
from service.keys.key import Scope as Role
from service.quota import QuotaOut

router = APIRouter(prefix="/v1", tags=["quota"])
_REFUSALS = {
    403: "The quota of items, users or interactions is used up; of a bulk upload, lines before it may be stored.",
    429: "The quota of requests of this day is used up; Retry-After says for how many seconds to wait.",
}
_WRITING = {Role.WRITE, Role.CHAT}


@router.get("/quota", responses=problems())
async def quota(store: StoreNow) -> QuotaOut:
    """How much of its quota the store behind this key has used."""
    return await asyncio.to_thread(QuotaOut.of, store.record.quotas(), time.time())


class Daily:
    """Counts the requests of a day where they have a quota, and refuses what comes after."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers as the app does, or with status 429."""
        if scope["type"] != "http" or scope_of(scope["method"], scope["path"]) is None:
            await self._app(scope, receive, send)
            return
        quotas = scope["app"].state.serving.store.record.quotas()
        most = quotas.allowed.requests_per_day
        wait_s = None if most is None else await asyncio.to_thread(quotas.request, time.time())
        if wait_s is None:
            await self._app(scope, receive, send)
            return
        refusal = problem("QuotaError", 429, f"quota of requests: {most} a day are allowed; wait {wait_s} s")
        refusal.headers["retry-after"] = str(wait_s)
        await refusal(scope, receive, send)


def add_quota(app: FastAPI) -> None:
    """Holds the app's requests to the quota of its store, and tells of it in the app's description."""
    app.add_middleware(Daily)
    before = app.openapi

    def openapi() -> dict[str, Any]:
        schema = before()
        content = {MEDIA_TYPE: {"schema": {"$ref": f"{REF_PREFIX}ProblemOut"}}}
        for path, operations in schema["paths"].items():
            for method, operation in operations.items():
                told = {429} if path not in OPEN else set()
                if method in {"post", "put"} and SCOPES.get(path, {}).get(method.upper()) in _WRITING:
                    told.add(403)
                if "4XX" not in operation["responses"]:
                    for status in told:
                        said = {"description": _REFUSALS[status], "content": content}
                        operation["responses"].setdefault(str(status), said)
        return schema

    app.openapi = openapi  # type: ignore[method-assign]  # the way that FastAPI documents
