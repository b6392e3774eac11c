"""Conditions that nothing can meet together. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from retrieval.filters import Equals, Filter, In, Not, Range
from retrieval.matching import attribute_of, comparable


def contradiction(conditions: Sequence[Filter]) -> str | None:
    """Why no attributes can meet all of the conditions; None where some can, as far as can be told from them.

    A list attribute may hold several texts at once, so that two different texts asked of one attribute are none.
    """
    by_attribute: dict[str, list[Filter]] = {}
    for condition in conditions:
        by_attribute.setdefault(attribute_of(condition), []).append(condition)
    return next((why for name, told in by_attribute.items() for why in _clashes(name, told)), None)


def _clashes(name: str, conditions: Sequence[Filter]) -> Iterator[str]:
    ranges = [one for one in conditions if isinstance(one, Range)]
    low = max((one.low for one in ranges if one.low is not None), default=-math.inf)
    high = min((one.high for one in ranges if one.high is not None), default=math.inf)
    if low > high:
        yield f"{name} cannot be at least {low:g} and at most {high:g}"
    barred = {comparable(value) for one in conditions if isinstance(one, Not) for value in _values(one.inner)}
    for one in conditions:
        if isinstance(one, Range | Not):
            continue
        wanted = {comparable(value) for value in _values(one)}
        if wanted <= barred:
            yield f"{name} must be what it must not be"
        if ranges and not any(kind == "number" and low <= float(str(value)) <= high for kind, value in wanted):
            yield f"{name} must be a number of a range and something outside of it"
    singles = [_values(one)[0] for one in conditions if isinstance(one, Equals)]
    numbers = {comparable(value) for value in singles if not isinstance(value, str)}
    if len(numbers) > 1 or (numbers and any(isinstance(value, str) for value in singles)):
        # Only texts stand in lists; of numbers and truth values an attribute has one.
        yield f"{name} cannot be two values at once"


def _values(condition: Equals | In | Range) -> tuple[str | float | bool, ...]:
    if isinstance(condition, Range):
        return ()
    return (condition.value,) if isinstance(condition, Equals) else condition.values
