"""Every request is counted, timed and logged under an id of its own; /metrics tells the counts."""

from __future__ import annotations

import time
from uuid import uuid4

import structlog
from fastapi import APIRouter, FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.dependencies import ServingNow
from service.api.leaving import Leaving
from service.overheard import Overheard, overhearing

_log = structlog.get_logger(__name__)
_LEFT = 499
"""The status of a request whose client left before it was answered."""

router = APIRouter()


@router.get("/metrics", include_in_schema=False)
async def metrics(serving: ServingNow) -> Response:
    """In Prometheus' text format."""
    return Response(generate_latest(serving.metrics.registry), media_type=CONTENT_TYPE_LATEST)


class Watched:
    """Names the request in the log and in the header X-Request-Id, and tells metrics and log how it went.

    Neither gets the path, which may hold a user's id: only the route, as it is declared.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers as the app does."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, started, request_id = _LEFT, time.perf_counter(), uuid4().hex
        counted = scope["app"].state.serving.metrics

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        with (
            structlog.contextvars.bound_contextvars(request_id=request_id),
            counted.under_way.track_inprogress(),
            overhearing() as heard,
        ):
            try:
                await self._app(scope, receive, sending)
            finally:
                seconds = time.perf_counter() - started
                route = str(getattr(scope.get("route"), "path", "unknown"))
                method = scope["method"] if "route" in scope else "unknown"
                counted.requested(method=method, route=route, status=status, seconds=seconds)
                milliseconds = round(1000 * seconds, 1)
                _log.info(
                    "request", method=method, route=route, status=status, milliseconds=milliseconds, **_list_of(heard)
                )


def _list_of(heard: Overheard) -> dict[str, object]:
    """The id of the list that was made, which feedback may name, and how it came about."""
    answer = heard.answer
    if answer is None:
        return {"answer": None, "rung": None, "reason": None, "items": None}
    return {
        "answer": answer.request_id,
        "rung": answer.rung,
        "reason": answer.reason,
        "items": len(answer.items),
    }


def add_watch(app: FastAPI) -> None:
    """Adds /metrics and lets every request be watched, those too that are refused at the door."""
    app.include_router(router)
    app.add_middleware(Leaving)
    app.add_middleware(Watched)
