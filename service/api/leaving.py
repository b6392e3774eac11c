"""A client that leaves takes its question to the model with it."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_READS_ONLY = ("/v1/recommend", "/v1/session/recommend", "/v1/rerank", "/v2/rerank", "/v1/chat", "/api/recommend")
"""Beginnings of the paths that ask the model. Elsewhere a request goes on without its client: a write that began is
finished, and the index told of it."""


class Leaving:
    """Cancels what is computed for a client that has gone, so that the model works for those who are still there."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers as the app does, or not at all where the client left first."""
        if scope["type"] != "http" or not scope["path"].startswith(_READS_ONLY):
            await self._app(scope, receive, send)
            return
        working = asyncio.current_task()
        assert working is not None  # noqa: S101 - a coroutine always runs in a task
        inbox: asyncio.Queue[Message] = asyncio.Queue(1)
        answered = gone = False

        async def listen() -> None:
            nonlocal gone
            while not gone:
                message = await receive()
                if message["type"] == "http.disconnect":
                    gone = True
                    if not answered:
                        working.cancel()
                await inbox.put(message)

        async def receiving() -> Message:
            return {"type": "http.disconnect"} if gone and inbox.empty() else await inbox.get()

        async def sending(message: Message) -> None:
            nonlocal answered
            answered = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        listener = asyncio.create_task(listen())
        try:
            await self._app(scope, receiving, sending)
        except asyncio.CancelledError:
            if not gone or working.uncancel() > 0:
                raise
        finally:
            listener.cancel()
