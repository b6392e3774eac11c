"""How large a body may be."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import problem

MAX_BODY_BYTES = 1 << 20
MAX_BULK_BYTES = 64 << 20
"""Of the paths that take many lines at once and read them one by one; these end in /bulk."""


class BodyLimit:
    """Refuses a body that says it is too large before it is read, and one that turns out to be, as soon as it does.

    FastAPI's own limit answers with plain text where the length is announced.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers as the app does, or with status 413."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = MAX_BULK_BYTES if scope["path"].endswith("/bulk") else MAX_BODY_BYTES
        told = f"The body is larger than {most} bytes: send less at once."
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > most:
            await problem("Refused", 413, told)(scope, receive, send)
            return
        read = 0

        async def receiving() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                raise HTTPException(413, told)
            return message

        await self._app(scope, receiving, send)
