"""Fields that several paths take, with their bounds, and the cursor of lists."""

from __future__ import annotations

import base64
import binascii
import time
from typing import Annotated, TypeAlias

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints

from retrieval.errors import InputError
from retrieval.types import Attributes, AttributeValue

# No control characters, as in imports: one of them parts the ids of pairs in the index.
_ID = StringConstraints(min_length=1, max_length=512, pattern=r"^[^\x00-\x1f\x7f]+$")
_NO_NUL = r"^[^\x00]*$"

Id: TypeAlias = Annotated[str, _ID]
ItemId: TypeAlias = Annotated[str, _ID, Path(description="Id of an item.")]
UserId: TypeAlias = Annotated[str, _ID, Path(description="Id of a user.")]
Title: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=10_000, pattern=_NO_NUL)]
Text: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=_NO_NUL)]
LongText: TypeAlias = Annotated[str, StringConstraints(max_length=100_000, pattern=_NO_NUL)]
MOST_SECONDS = 1e11
Time: TypeAlias = Annotated[float, Field(ge=0, le=MOST_SECONDS, allow_inf_nan=False, description="Unix seconds (UTC).")]
Limit: TypeAlias = Annotated[int, Query(ge=1, le=1000, description="At most so many entries.")]
Cursor: TypeAlias = Annotated[
    str | None,
    Query(max_length=4096, description="`cursor` of the page before; left out for the first page."),
]

_Word: TypeAlias = Annotated[str, StringConstraints(max_length=10_000, pattern=_NO_NUL)]
_Number: TypeAlias = Annotated[float, Field(strict=True, allow_inf_nan=False)]
AttributeIn: TypeAlias = StrictBool | _Number | _Word | Annotated[list[_Word], Field(max_length=1000)]
_Name: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_NO_NUL)]
AttributesIn: TypeAlias = Annotated[dict[_Name, AttributeIn], Field(max_length=200)]
AttributeChanges: TypeAlias = Annotated[dict[_Name, AttributeIn | None], Field(max_length=200)]
"""Merged into what is there; null removes an attribute."""

CLOCK_SKEW_S = 300.0


class In(BaseModel):
    """Base of what clients send: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def attributes_of(given: AttributesIn) -> Attributes:
    """As the record takes them."""
    return {name: _value(value) for name, value in given.items()}


def merged(attributes: Attributes, changes: AttributeChanges) -> Attributes:
    """With changes applied."""
    kept = {name: value for name, value in attributes.items() if name not in changes}
    return kept | {name: _value(value) for name, value in changes.items() if value is not None}


def not_in_the_future(given: float | None) -> float:
    """The time of something that has happened; None is now. A clock a little ahead of ours is taken for now.

    What lies further ahead is refused: an interaction counts only once its time has come, so it would seem lost.
    """
    now = time.time()
    if given is None:
        return now
    if given > now + CLOCK_SKEW_S:
        raise InputError(f"timestamp {given:.0f} is {given - now:.0f} s in the future: send Unix seconds (UTC)")
    return min(given, now)


def cursor_after(key: str) -> str:
    """The cursor of a page whose last entry has this key. Opaque to clients."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def key_of(cursor: str | None) -> str | None:
    """The inverse of `cursor_after`; None for the first page. Raises InputError for anything else."""
    if cursor is None:
        return None
    try:
        key = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise InputError("cursor is not one that a list gave; leave it out to begin at the start") from error
    if "\0" in key:
        raise InputError("cursor is not one that a list gave; leave it out to begin at the start")
    return key


def _value(value: AttributeIn) -> AttributeValue:
    return tuple(value) if isinstance(value, list) else value
