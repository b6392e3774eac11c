"""Reads an order that was written as one JSON value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

_OF_ITEM = ("id", "item_id", "number", "no", "index", "item", "candidate", "label", "title", "name")
"""Names under which an object tells which item it is about, most telling first."""


def json_leaves(text: str) -> list[str] | None:
    """Numbers and texts that name items, in order; None if the text holds no JSON array or object.

    Of an object that holds arrays only those are read, of one that tells what item it is about only that.
    """
    value = _decoded(text)
    if not isinstance(value, list | dict):
        return None
    return list(_leaves(value))


def _decoded(text: str) -> Any:
    starts = [place for sign in "[{" if (place := text.find(sign)) >= 0]
    end = max(text.rfind("]"), text.rfind("}"))
    if not starts or end < min(starts):
        return None
    try:
        return json.loads(text[min(starts) : end + 1])
    except (ValueError, RecursionError):
        # Not JSON, digits without end, or nested too deeply.
        return None


def _leaves(value: Any) -> Iterator[str]:
    stack = [value]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack.extend(reversed(_telling(value)))
        elif isinstance(value, list):
            stack.extend(reversed(value))
        elif isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
            yield str(value)


def _telling(value: dict[str, Any]) -> list[Any]:
    arrays = [part for part in value.values() if isinstance(part, list)]
    if arrays:
        return arrays
    named = {name.casefold(): part for name, part in value.items()}
    for name in _OF_ITEM:
        if name in named:
            return [named[name]]
    return list(value.values())
