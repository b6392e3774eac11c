"""Whether an item passes a filter. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from retrieval.errors import InputError
from retrieval.filters import Equals, Filter, Not, Range
from retrieval.types import Attributes, AttributeValue, Item, Query


def matches(condition: Filter, item: Item) -> bool:
    """Whether an item passes; one without the attribute fails all but Not. `title` and `domain` count as attributes."""
    return _holds(condition, _value_of(item, attribute_of(condition)))


def may_be_shown(item: Item | None, query: Query, as_of: float) -> bool:
    """Whether an item may be shown at a time, is of the domain asked for and passes the filters."""
    if item is None or item.hidden:
        return False
    if item.added_at is not None and item.added_at >= as_of:
        return False
    if item.expires_at is not None and item.expires_at <= as_of:
        return False
    return (query.domain is None or item.domain == query.domain) and all(matches(f, item) for f in query.filters)


def all_hold(conditions: Sequence[Filter], attributes: Attributes) -> bool:
    """Whether attributes, such as a user's, meet all of the conditions; one that is missing fails all but Not."""
    return all(holds(condition, attributes) for condition in conditions)


def holds(condition: Filter, attributes: Attributes) -> bool:
    """The same of one condition."""
    return _holds(condition, attributes.get(attribute_of(condition)))


def _holds(condition: Filter, value: AttributeValue | None) -> bool:
    if isinstance(condition, Not):
        return not _holds(condition.inner, value)
    if value is None:
        return False
    if isinstance(condition, Range):
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        above = condition.low is None or value >= condition.low
        return above and (condition.high is None or value <= condition.high)
    wanted = (condition.value,) if isinstance(condition, Equals) else condition.values
    held = {comparable(one) for one in (value if isinstance(value, tuple) else (value,))}
    return any(comparable(one) in held for one in wanted)


def attribute_of(condition: Filter) -> str:
    """The attribute that a filter looks at."""
    return condition.inner.attribute if isinstance(condition, Not) else condition.attribute


def check_attributes(conditions: Sequence[Filter], known: frozenset[str]) -> None:
    """Raises InputError for a filter on an attribute that no item has, with the nearest known names."""
    names = known | {"title", "domain"}
    for condition in conditions:
        attribute = attribute_of(condition)
        if attribute not in names:
            close = difflib.get_close_matches(attribute, names, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            raise InputError(f"no item has an attribute {attribute!r}; {hint}Known: {', '.join(sorted(names))}")


def _value_of(item: Item, attribute: str) -> AttributeValue | None:
    if attribute in {"title", "domain"}:
        return item.title if attribute == "title" else item.domain
    return item.attributes.get(attribute)


def comparable(value: str | float | bool) -> tuple[str, object]:
    """Equal for values that a filter takes for the same: texts without case, and a truth value is no number."""
    # In Python True == 1, in a catalogue it is not.
    if isinstance(value, bool):
        return ("truth", value)
    return ("text", value.casefold()) if isinstance(value, str) else ("number", float(value))
