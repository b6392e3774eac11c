"""What every answer tells browsers, and which names and pages a request may come under."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.keys.access import ANY_HOST, Access

SECURITY = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "frame-ancestors 'none'",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
"""Set where a path says nothing else; the web page has a stricter policy of its own."""


class SecurityHeaders:
    """Adds the headers to every answer, also to refusals of other layers, so it belongs outside them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers as the app does, with the headers that it left out."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, sending)


def host_allowed(headers: Headers, access: Access) -> bool:
    """Whether the request calls the service by a name of its own.

    A page whose name was pointed at this machine (DNS rebinding) calls it by that page's name.
    """
    if ANY_HOST in access.hosts:
        return True
    given = headers.getlist("host")
    return len(given) == 1 and _name(given[0]) in access.hosts


def origin_allowed(headers: Headers, access: Access) -> bool:
    """Whether the web page that sends the request, if one does, is the service's own or one of the settings'.

    CORS keeps another page from reading an answer, but not from sending what takes no preflight.
    """
    origin = headers.get("origin")
    if origin is None or origin in access.settings.origins:
        return True
    host = headers.get("host", "")
    return origin in {f"http://{host}", f"https://{host}"}


def _name(host: str) -> str:
    """Without the port, and an IPv6 address without its brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()
