"""The door of the HTTP service: nothing of a request is read before it may come in."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.constants import REF_PREFIX
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.auth_headers import host_allowed, origin_allowed
from service.api.limits_rate import Rates
from service.api.problems import MEDIA_TYPE, problem
from service.api.scopes import OPEN, SCOPES, scope_of, stores_feedback
from service.api.tenants import Tenants
from service.keys.access import Access
from service.keys.key import Scope as Role
from service.keys.ring import KeyRing

_NO_KEY = "This service asks for a key, as Authorization: Bearer KEY or X-Api-Key: KEY."
_BAD_KEY = "The key is unknown, expired or revoked."
_REFUSALS = {
    401: "The key is missing, unknown, expired or revoked.",
    403: "The key lacks the scope of this path, or another web page sent the request.",
    421: "The service is not called by this name.",
    429: "Too many requests; Retry-After says for how many seconds to wait.",
}


class Guard:
    """Lets a request through if its host, its origin, its key, the key's scope and its rate are right.

    A layer before the application and not a dependency of its paths: those run after FastAPI has read the body.
    """

    def __init__(self, app: ASGIApp, access: Access, tenants: Tenants | None = None) -> None:
        self._app = app
        self._access = access
        self._tenants = tenants
        self._rates = Rates()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers as the app does, or the one of the key's tenant, or refuses."""
        if scope["type"] != "lifespan":
            way = await self._way(scope)
            # Layers outside look into the scope for the route and for this app, not for a tenant's.
            await way(scope if way is self._app else dict(scope), receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            if self._tenants is not None:
                await self._tenants.close()

    async def _way(self, scope: Scope) -> ASGIApp:
        headers = Headers(scope=scope)
        if not host_allowed(headers, self._access):
            return problem("Refused", 421, "This service is not called by this name; its names are in access.hosts.")
        if not origin_allowed(headers, self._access):
            return problem("Refused", 403, "Pages of this origin may not call the service; see access.origins.")
        # A WebSocket has no method; there is none among the paths, so it asks for admin.
        wanted = scope_of(scope.get("method", ""), scope["path"])
        if wanted is None:
            return self._app
        if self._access.keys is None:
            most = self._access.settings.keyless_requests_per_minute
            return self._app if most is None else await self._too_often(_address(scope), most) or self._app
        roles = (wanted, Role.WRITE) if stores_feedback(scope["path"], scope["query_string"]) else (wanted,)
        return await self._way_of_key(self._access.keys, _presented(headers), roles)

    async def _way_of_key(self, keys: KeyRing, presented: str | None, wanted: Sequence[Role]) -> ASGIApp:
        key = None if presented is None else keys.holder(presented, time.time())
        if key is None:
            refusal = problem("Unauthorized", 401, _NO_KEY if presented is None else _BAD_KEY)
            refusal.headers["www-authenticate"] = 'Bearer realm="fewrec"'
            return refusal
        most = key.requests_per_minute or self._access.settings.requests_per_minute
        if too_often := await self._too_often(key.key_id, most):
            return too_often
        if lacking := [role.value for role in wanted if not key.allows(role)]:
            return problem("Forbidden", 403, f"This key lacks the scope {lacking[0]!r}.")
        if key.tenant is None:
            return self._app
        if self._tenants is None:
            return problem("Forbidden", 403, "This key belongs to a tenant, and none is served here.")
        return await self._tenants.app(key.tenant)

    async def _too_often(self, asker: str, per_minute: int) -> Response | None:
        wait_s = await self._rates.wait_s(asker, per_minute)
        if wait_s is None:
            return None
        refusal = problem("Too many requests", 429, f"More than {per_minute} requests a minute: wait {wait_s} s.")
        refusal.headers["retry-after"] = str(wait_s)
        return refusal


def add_guard(app: FastAPI, access: Access, make: Callable[[str], FastAPI] | None = None) -> None:
    """Puts the door before the app, and into its description; `make` gives the app of a tenant, by name."""

    def described(name: str) -> FastAPI:
        assert make is not None  # noqa: S101 - else there are no tenants to ask for
        return _described(make(name), access)

    app.add_middleware(Guard, access=access, tenants=None if make is None else Tenants(described))
    if access.settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=access.settings.origins,
            allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=("authorization", "content-type", "x-api-key"),
            expose_headers=("retry-after",),
        )
    _described(app, access)


def _described(app: FastAPI, access: Access) -> FastAPI:
    """The app, whose description tells of the door."""
    before = app.openapi

    def openapi() -> dict[str, Any]:
        schema = before()
        _describe(schema, keys=access.keys is not None)
        return schema

    app.openapi = openapi  # type: ignore[method-assign]  # the way that FastAPI documents
    return app


def _describe(schema: dict[str, Any], *, keys: bool) -> None:
    content = {MEDIA_TYPE: {"schema": {"$ref": f"{REF_PREFIX}ProblemOut"}}}
    schema["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "api-key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    }
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            closed = path not in OPEN
            if closed and keys:
                # OpenAPI 3.1 lets a requirement name roles for these schemes as well.
                role = SCOPES.get(path, {}).get(method.upper(), Role.ADMIN).value
                operation["security"] = [{"bearer": [role]}, {"api-key": [role]}]
            for status, meaning in _REFUSALS.items():
                told = status in {403, 421} or (closed and (keys or status == 429))
                # Where a path describes all of its refusals at once, in another shape, ours come in that shape.
                if told and "4XX" not in operation["responses"]:
                    operation["responses"].setdefault(str(status), {"description": meaning, "content": content})


def _presented(headers: Headers) -> str | None:
    """The text of the key; None where there is none. Authorization wins, whatever its kind."""
    given = headers.get("authorization")
    if given is None:
        return headers.get("x-api-key")
    kind, _, text = given.partition(" ")
    return text.strip() if kind.lower() == "bearer" else None


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else "unknown"
