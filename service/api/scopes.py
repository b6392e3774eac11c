"""Which scope every path asks for. One table, so that it can be read at a glance and none is forgotten (a test).

A path that is not here asks for admin, so one that was forgotten is shut.
"""

from __future__ import annotations

import re
from functools import cache

from starlette.datastructures import QueryParams
from starlette.routing import compile_path

from service.keys.key import Scope

READ, WRITE, CHAT, ADMIN = Scope.READ, Scope.WRITE, Scope.CHAT, Scope.ADMIN

OPEN: frozenset[str] = frozenset({"/health/live", "/health/ready", "/", "/page/{name}"})
"""Health for whoever watches over the service, and the web page, which holds nothing of anybody."""

SCOPES: dict[str, dict[str, Scope]] = {
    "/metrics": {"GET": ADMIN},
    "/openapi.json": {"GET": READ},
    "/v1/evaluations": {"GET": ADMIN},
    "/v1/evaluations/{folder}": {"GET": ADMIN},
    "/v1/recommend": {"POST": READ},
    "/v1/session/recommend": {"POST": READ},
    "/v1/scenarios": {"GET": READ},
    "/v1/picks": {"GET": READ},
    "/v1/search": {"GET": READ},
    "/v1/quota": {"GET": READ},
    "/v1/prompt": {"POST": READ},
    "/v1/rerank": {"POST": READ},
    "/v2/rerank": {"POST": READ},
    "/v1/chat": {"POST": CHAT},
    "/v1/chat/stream": {"POST": CHAT},
    "/v1/chat/completions": {"POST": CHAT},
    "/v1/models": {"GET": CHAT},
    "/v1/models/{model}": {"GET": CHAT},
    "/v1/campaigns": {"GET": ADMIN},
    "/v1/campaigns/bulk": {"POST": ADMIN},
    "/v1/campaigns/{campaign_id}": {"GET": ADMIN, "PUT": ADMIN, "DELETE": ADMIN},
    "/v1/feedback": {"POST": WRITE},
    "/v1/requests/{request_id}": {"GET": READ, "DELETE": ADMIN},
    "/v1/requests/{request_id}/prompts": {"GET": ADMIN},
    "/v1/items": {"GET": READ},
    "/v1/items/bulk": {"POST": WRITE},
    "/v1/items/expire": {"POST": WRITE},
    "/v1/items/{item_id}": {"GET": READ, "PUT": WRITE, "PATCH": WRITE, "DELETE": WRITE},
    "/v1/items/{item_id}/similar": {"GET": READ},
    "/v1/items/{item_id}/audience": {"GET": ADMIN},
    "/v1/users": {"GET": ADMIN},
    "/v1/users/bulk": {"POST": WRITE},
    "/v1/users/{user_id}": {"GET": READ, "PUT": WRITE, "PATCH": WRITE, "DELETE": ADMIN},
    "/v1/users/{user_id}/export": {"GET": ADMIN},
    "/v1/users/{user_id}/interactions": {"GET": READ},
    "/v1/users/{user_id}/interactions/{item_id}": {"GET": READ, "PUT": WRITE, "PATCH": WRITE, "DELETE": WRITE},
    "/v1/interactions/bulk": {"POST": WRITE},
    "/api/item": {"POST": WRITE},
    "/api/items": {"GET": READ, "POST": WRITE},
    "/api/item/{item_id}": {"GET": READ, "PATCH": WRITE, "DELETE": WRITE},
    "/api/item/{item_id}/neighbors": {"GET": READ},
    "/api/user": {"POST": WRITE},
    "/api/users": {"GET": ADMIN, "POST": WRITE},
    "/api/user/{user_id}": {"GET": READ, "DELETE": ADMIN},
    "/api/user/{user_id}/feedback": {"GET": READ},
    "/api/user/{user_id}/feedback/{feedback_type}": {"GET": READ},
    "/api/feedback": {"GET": ADMIN, "POST": WRITE, "PUT": WRITE},
    "/api/feedback/{user_id}/{item_id}": {"GET": READ, "DELETE": WRITE},
    "/api/recommend/{user_id}": {"GET": READ},
    "/api/recommend/{user_id}/": {"GET": READ},
    "/api/recommend/{user_id}/{category}": {"GET": READ},
    "/api/session/recommend": {"POST": READ},
}
"""Listing all users, those whom an item is for, or all feedback, a user's erasure and a copy of all that is theirs are
the administrator's, and so is money: what campaigns bid and may spend."""


def scope_of(method: str, path: str) -> Scope | None:
    """What a request asks for; None where everybody may."""
    method = "GET" if method == "HEAD" else method
    if method == "GET" and any(pattern.match(path) for pattern in _open()):
        return None
    for pattern, scopes in _closed():
        if method in scopes and pattern.match(path):
            return scopes[method]
    return ADMIN


def stores_feedback(path: str, query: bytes) -> bool:
    """Whether a request for one of Gorse's lists asks to store it as feedback, for which it needs write as well."""
    return path.startswith("/api/recommend/") and "write-back-type" in QueryParams(query)


@cache
def _open() -> tuple[re.Pattern[str], ...]:
    return tuple(compile_path(path)[0] for path in sorted(OPEN))


@cache
def _closed() -> tuple[tuple[re.Pattern[str], dict[str, Scope]], ...]:
    return tuple((compile_path(path)[0], scopes) for path, scopes in SCOPES.items())
