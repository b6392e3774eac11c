"""Conditions on items as people write them ("year>=2000", "genres!=Horror"), turned into typed filters."""

from __future__ import annotations

import math
import re

from retrieval.errors import InputError
from retrieval.filters import Equals, Filter, In, Not, Range

FILTER_HELP = (
    "A condition on an attribute, repeatable: genres=Comedy, genres=Comedy|Drama (any of them), genres!=Horror, "
    "year>=2000, year<=1999, year=1990..1999 (both ends included). Quotes keep a number a text: code='007'."
)
_SIGN = re.compile(r"!=|>=|<=|=")


def parse_filter(text: str) -> Filter:
    """The typed filter that a text stands for. Raises InputError that shows the text and how to write it."""
    sign = _SIGN.search(text)
    attribute, value = (text[: sign.start()].strip(), text[sign.end() :].strip()) if sign else ("", "")
    if sign is None or not attribute or not value or value[0] in "<>=":
        raise InputError(f"filter {text!r} is not a condition; write for example year>=2000 or genres=Comedy|Drama")
    match sign.group():
        case ">=":
            return Range(attribute=attribute, low=_number(value, text))
        case "<=":
            return Range(attribute=attribute, high=_number(value, text))
        case "!=":
            return Not(inner=_equality(attribute, value, text))
        case _:
            return _equality(attribute, value, text)


def condition_text(condition: Filter) -> str:
    """The text that `parse_filter` reads as this condition, where there is one."""
    if isinstance(condition, Not):
        return condition_text(condition.inner).replace("=", "!=", 1)
    if isinstance(condition, Range):
        low, high = (None if end is None else _number_text(end) for end in (condition.low, condition.high))
        if low is not None and high is not None:
            return f"{condition.attribute}={low}..{high}"
        return f"{condition.attribute}<={high}" if low is None else f"{condition.attribute}>={low}"
    values = (condition.value,) if isinstance(condition, Equals) else condition.values
    plain = f"{condition.attribute}={'|'.join(_text_of(value) for value in values)}"
    try:
        if parse_filter(plain) == condition:
            return plain
    except InputError:
        pass
    quoted = (f"'{value}'" if isinstance(value, str) else _text_of(value) for value in values)
    return f"{condition.attribute}={'|'.join(quoted)}"


def _text_of(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else _number_text(value)


def _number_text(number: float) -> str:
    return repr(number).removesuffix(".0")


def _equality(attribute: str, value: str, text: str) -> Equals | In | Range:
    low, dots, high = (part.strip() for part in value.partition(".."))
    if dots and (_is_number(low) or _is_number(high)):
        return _range(attribute, low, high, text)
    if _quoted(value):
        return Equals(attribute=attribute, value=value[1:-1])
    parts = [part.strip() for part in value.split("|")]
    if any(not part for part in parts):
        raise InputError(f"filter {text!r} has an empty alternative; write attribute=one|other")
    if len(parts) > 1:
        return In(attribute=attribute, values=tuple(_value(part) for part in parts))
    return Equals(attribute=attribute, value=_value(value))


def _range(attribute: str, low_text: str, high_text: str, text: str) -> Range:
    low = _number(low_text, text) if low_text else None
    high = _number(high_text, text) if high_text else None
    if low is not None and high is not None and low > high:
        raise InputError(f"filter {text!r}: nothing lies between {low:g} and {high:g}; put the smaller one first")
    return Range(attribute=attribute, low=low, high=high)


def _value(text: str) -> str | float | bool:
    if _quoted(text):
        return text[1:-1]
    if text.casefold() in {"true", "false"}:
        return text.casefold() == "true"
    return float(text) if _is_number(text) else text


def _quoted(text: str) -> bool:
    return len(text) >= 2 and text[0] == text[-1] and text[0] in "'\""


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _number(text: str, whole: str) -> float:
    if not _is_number(text):
        raise InputError(f"filter {whole!r}: {text!r} is not a number; >=, <= and .. compare numbers")
    return float(text)
