"""Every refusal is application/problem+json (RFC 9457), and what went wrong inside stays inside."""

from __future__ import annotations

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.constants import REF_PREFIX
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from prompts.errors import BudgetError, PromptError, TemplateError
from ranking.errors import (
    AdapterFolderError,
    CalibrationError,
    ConfigError,
    EngineBusyError,
    EngineError,
    ModelError,
    PromotionError,
    PromptTooLongError,
    RankingError,
    ServerAnswerError,
    ServerBusyError,
    ServerDownError,
    ServerError,
    ServerRefusedError,
    ServerTimeoutError,
    TuningError,
)
from retrieval.errors import (
    ConflictError,
    EmptyStoreError,
    InputError,
    ModelMissingError,
    NotFoundError,
    QuotaError,
    RetrievalError,
    StoreBusyError,
    StoreError,
    one_line,
)

_log = structlog.get_logger(__name__)
MEDIA_TYPE = "application/problem+json"

STATUS: dict[type[Exception], int] = {
    InputError: 400,
    NotFoundError: 404,
    ConflictError: 409,
    QuotaError: 403,
    EmptyStoreError: 409,
    StoreBusyError: 503,
    StoreError: 500,
    ModelMissingError: 500,
    RetrievalError: 500,
    # The prompt is made from the operator's template and from items that the store took: never the client's fault.
    TemplateError: 500,
    BudgetError: 500,
    PromptError: 500,
    ConfigError: 500,
    ModelError: 500,
    PromptTooLongError: 500,
    EngineError: 500,
    EngineBusyError: 503,
    ServerError: 500,
    ServerAnswerError: 500,
    ServerRefusedError: 500,
    ServerTimeoutError: 503,
    ServerDownError: 503,
    ServerBusyError: 503,
    CalibrationError: 500,
    PromotionError: 500,
    TuningError: 500,
    AdapterFolderError: 500,
    RankingError: 500,
}
"""Which status every error of the stages becomes; a test holds that none is missing."""

_INSIDE = "Something failed inside. The log of the service says what."
_RETRY_AFTER_S = 5
_MEANING = {
    400: "The request says something that cannot be used.",
    404: "No such user or item.",
    409: "It conflicts with what is stored.",
    413: "The body is larger than the limit.",
    415: "The body is of another type than this path takes.",
    422: "The body or a parameter has another shape than this path takes.",
    500: "Something failed inside; the log says what.",
    503: "Busy; try again.",
}


class ProblemOut(BaseModel):
    """Why a request was refused."""

    title: str
    status: int
    detail: str


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals that a path declares in the interface description; what every path may answer is added."""
    body = {"content": {MEDIA_TYPE: {"schema": {"$ref": f"{REF_PREFIX}ProblemOut"}}}}
    return {status: {"description": _MEANING[status], **body} for status in sorted({*statuses, 500, 503})}


def problem(title: str, status: int, detail: str) -> JSONResponse:
    """A refusal as a response."""
    body = ProblemOut(title=title, status=status, detail=detail)
    return JSONResponse(body.model_dump(), status, media_type=MEDIA_TYPE)


def add_problems(app: FastAPI) -> None:
    """Lets the app answer every error with a problem, and describe them."""
    for kind in (RetrievalError, PromptError, RankingError):
        app.add_exception_handler(kind, _of_stage)
    app.add_exception_handler(RequestValidationError, _of_body)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_middleware(CatchAll)
    described = app.openapi

    def openapi() -> dict[str, Any]:
        schema = described()
        schema["components"]["schemas"]["ProblemOut"] = ProblemOut.model_json_schema()
        return schema

    app.openapi = openapi  # type: ignore[method-assign]  # the way that FastAPI documents


class CatchAll:
    """Turns what nobody expected into a problem that tells nothing; the log gets the place, never the text.

    The text of a foreign error may hold anything: a row, a user's id, a path.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers as the app does, or with status 500 where it failed before it answered."""
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:  # that is what it is for
            if scope["type"] != "http":
                raise
            _log.error("request failed", path=_route(scope), error=type(error).__name__, at=_place(error))
            if not started:
                refusal = problem("Internal error", 500, _INSIDE)
                await refusal(scope, receive, send)


def told(request: Request, error: Exception) -> ProblemOut:
    """What a client is told of an error of the stages; what it is not told goes to the log."""
    kind, message = type(error).__name__, one_line(error)
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    if status < 500:
        return ProblemOut(title=kind, status=status, detail=message)
    # The message is for the operator: it may name a file or a server of theirs.
    _log.error("request failed", path=_route(request.scope), error=kind, message=message)
    return ProblemOut(title=kind, status=status, detail=_INSIDE)


async def _of_stage(request: Request, error: Exception) -> JSONResponse:
    said = told(request, error)
    refusal = problem(said.title, said.status, said.detail)
    if said.status == 503:
        refusal.headers["retry-after"] = str(getattr(error, "retry_after_s", _RETRY_AFTER_S))
    return refusal


async def _of_body(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    # The rejected value itself stays out: it may be somebody's text.
    places = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
    return problem("Invalid request", 422, places)


async def _of_http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    refusal = problem("Refused", error.status_code, str(error.detail))
    refusal.headers.update(error.headers or {})
    return refusal


def _route(scope: Scope) -> str:
    """The path as it is declared, without ids."""
    return str(getattr(scope.get("route"), "path", "unknown"))


def _place(error: Exception) -> str:
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return "unknown" if last is None else f"{last.tb_frame.f_globals.get('__name__')}:{last.tb_lineno}"
