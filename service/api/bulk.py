"""Bodies of many lines, one JSON object a line: read as they come, stored a thousand at a time, rejects reported."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from retrieval.errors import InputError
from retrieval.record.types import Written
from service.indexing import Indexing
from service.wire import Wire

M = TypeVar("M", bound=BaseModel)

CHUNK = 1000
MAX_LINE_BYTES = 1 << 20
MAX_TOLD = 100
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "One JSON object a line (JSON Lines).",
        "content": {"application/jsonl": {"schema": {"type": "string"}}},
    }
}
"""What a path that reads lines adds to the interface description."""


class RejectOut(Wire):
    """A line that was not stored."""

    line: int
    """1 is the first."""
    reason: str


class BulkOut(Wire):
    """What became of the lines: read = inserted + updated + unchanged + repeated + rejected."""

    read: int
    inserted: int
    updated: int
    unchanged: int
    repeated: int
    """Lines of a key that a later line has too: the last one counts."""
    rejected: int
    rejects: list[RejectOut]
    """The first 100 of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line(Generic[M]):
    """A line that has the right shape."""

    number: int
    content: M


@dataclass(kw_only=True, slots=True)
class Rejects:
    """Collects what was not stored; keeps the first hundred reasons."""

    count: int = 0
    told: list[RejectOut] = field(default_factory=list)

    def add(self, line: int, reason: str) -> None:
        """One more."""
        self.count += 1
        if len(self.told) < MAX_TOLD:
            self.told.append(RejectOut(line=line, reason=reason))


async def load(
    request: Request, model: type[M], put: Callable[[Sequence[Line[M]], Rejects], Written], indexing: Indexing
) -> BulkOut:
    """Reads the body and lets `put` store its lines, a chunk at a time, in a thread; the index is told of them.

    Sent again after it broke off, it changes nothing that was stored. Raises InputError for an overlong line, after
    those before it were stored.
    """
    rejects = Rejects()
    read = inserted = updated = unchanged = 0
    try:
        async for chunk in _chunks(request):
            read += len(chunk)
            written = await asyncio.to_thread(_store, chunk, model, put, rejects)
            inserted += written.inserted
            updated += written.updated
            unchanged += written.unchanged
    finally:
        # Wherever it broke off, earlier chunks are stored.
        indexing.wake()
    return BulkOut(
        read=read,
        inserted=inserted,
        updated=updated,
        unchanged=unchanged,
        repeated=read - inserted - updated - unchanged - rejects.count,
        rejected=rejects.count,
        rejects=rejects.told,
    )


def _store(
    chunk: Sequence[tuple[int, bytes]],
    model: type[M],
    put: Callable[[Sequence[Line[M]], Rejects], Written],
    rejects: Rejects,
) -> Written:
    lines = []
    for number, text in chunk:
        try:
            lines.append(Line(number=number, content=model.model_validate_json(text)))
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            rejects.add(number, f"{place}: {first['msg']}" if place else first["msg"])
    return put(lines, rejects)


async def _chunks(request: Request) -> AsyncIterator[list[tuple[int, bytes]]]:
    chunk: list[tuple[int, bytes]] = []
    number = 0
    async for text in _lines(request):
        number += 1
        if text.strip():
            chunk.append((number, text))
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


async def _lines(request: Request) -> AsyncIterator[bytes]:
    rest = b""
    async for part in request.stream():
        *whole, rest = (rest + part).split(b"\n")
        for text in whole:
            yield text
        if len(rest) > MAX_LINE_BYTES:
            raise InputError(f"a line is longer than {MAX_LINE_BYTES} bytes: send one JSON object a line")
    yield rest
