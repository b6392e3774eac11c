"""Refusals in OpenAI's shape, on the paths that OpenAI's clients call."""

from __future__ import annotations

import json
from typing import Any

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.wire import Wire

CODES = {401: "invalid_api_key", 404: "not_found", 413: "request_too_large", 429: "rate_limit_exceeded"}
_MEANING = {
    400: "The request says something that cannot be used.",
    404: "No such model or user.",
    409: "The store is empty.",
    413: "The body is larger than the limit.",
    500: "Something failed inside; the log says what.",
    503: "Busy; try again.",
}


class ErrorOut(Wire):
    """What is wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(Wire):
    """OpenAI's shape of a refusal."""

    error: ErrorOut


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Refusals that a path declares in the interface description; what every path may answer is added."""
    told: dict[int | str, dict[str, Any]] = {
        status: {"description": _MEANING[status], "model": ErrorBody} for status in (*statuses, 500, 503)
    }
    return {**told, "4XX": {"description": "Another refusal.", "model": ErrorBody}}


def of_openai(path: str) -> bool:
    """Whether OpenAI's clients call this path."""
    return path in {"/v1/chat/completions", "/v1/models"} or path.startswith("/v1/models/")


class OpenAIErrors:
    """Puts whatever is refused on OpenAI's paths, at whichever layer, into their shape. Belongs outside the others."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers as the app does, with the body of a refusal exchanged."""
        if scope["type"] != "http" or not of_openai(scope["path"]):
            await self._app(scope, receive, send)
            return
        refusal: Message | None = None
        body = b""

        async def sending(message: Message) -> None:
            nonlocal refusal, body
            if message["type"] == "http.response.start" and message["status"] >= 400:
                refusal = message
            elif refusal is None:
                await send(message)
            else:
                body += message.get("body", b"")
                if not message.get("more_body"):
                    await _translated(refusal, body)(scope, receive, send)

        await self._app(scope, receive, sending)


def _translated(refusal: Message, body: bytes) -> JSONResponse:
    # A body that does not fit is 400 with OpenAI, and 422 everywhere else here.
    status = 400 if refusal["status"] == 422 else refusal["status"]
    error = ErrorOut(
        message=_detail(body),
        type="server_error" if status >= 500 else "invalid_request_error",
        param=None,
        code=CODES.get(status),
    )
    kept = {
        name: value
        for name, value in Headers(raw=refusal["headers"]).items()
        if name not in {"content-length", "content-type"}
    }
    return JSONResponse(ErrorBody(error=error).model_dump(), status, headers=kept)


def _detail(body: bytes) -> str:
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")
