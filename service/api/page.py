"""The web page. It drives the same paths that everybody else does, and asks no other host for anything."""

from __future__ import annotations

from importlib.resources import files
from pathlib import PurePath

from fastapi import APIRouter, Response
from starlette.exceptions import HTTPException

router = APIRouter(include_in_schema=False)

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    # Asked for again each time, so that a newer version of the service has a newer page.
    "cache-control": "no-cache",
}
"""What a browser is told with every file of the page. Nothing inline runs, and no text becomes markup."""


def _content(name: str) -> Response:
    # Looked up by name among what is there, so that no path leads out of the folder.
    parts = {one.name: one for one in files("service.page").iterdir()}
    kind = _TYPES.get(PurePath(name).suffix)
    if kind is None or name not in parts:
        raise HTTPException(404, "Not Found")
    return Response(parts[name].read_bytes(), media_type=kind, headers=HEADERS)


@router.get("/")
def page() -> Response:
    """The page itself."""
    return _content("index.html")


@router.get("/page/{name}")
def part(name: str) -> Response:
    """A file that the page is made of."""
    return _content(name)
