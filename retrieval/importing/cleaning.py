"""One cell at a time: what a text or a JSON value means as an id, a number, a time or an attribute. Pure."""

from __future__ import annotations

import contextlib
import json
import math
import re
from datetime import UTC, date, datetime
from decimal import Decimal

from retrieval.types import AttributeValue

MAX_ID = 512
MAX_TITLE = 10_000
_NUMBER = re.compile(r"[+-]?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_ABSENT = frozenset({"", "nan", "null", "none", "na", "n/a", r"\n"})
_LISTS = frozenset({"genres", "genre", "tags", "tag", "categories", "category", "people", "authors", "artists", "cast"})
# Unix seconds reach this in the year 5138; a larger number is a finer unit.
_LARGEST_SECONDS = 1e11


class RowError(ValueError):
    """Why a row is rejected."""


def clean_id(value: object, name: str) -> str:
    """An id as text; whole numbers lose their ".0". Raises RowError for an absent, overlong or unprintable one."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise RowError(f"no {name}")
    text = str(value).strip()
    if text == "" or text.lower() == "nan":
        raise RowError(f"no {name}")
    if len(text) > MAX_ID:
        raise RowError(f"{name} is longer than {MAX_ID} characters")
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in text):
        raise RowError(f"{name} holds a control character")
    return clean_text(text, name)


def clean_title(value: object) -> str:
    """A title as one stripped text. Raises RowError for an absent or overlong one."""
    text = "" if is_absent(value) and not isinstance(value, str) else str(value).strip()
    if not text:
        raise RowError("no title")
    if len(text) > MAX_TITLE:
        raise RowError(f"the title is longer than {MAX_TITLE} characters")
    return clean_text(text, "title")


def clean_text(text: str, name: str) -> str:
    """The text itself. Raises RowError for what no database takes: a NUL or half a surrogate pair."""
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise RowError(f"{name} holds a NUL or half a character")
    return text


def clean_rating(value: object) -> float | None:
    """A rating, or None where there is none. Raises RowError for a negative or not finite number and for other text."""
    if isinstance(value, str) and value.strip().lower() in {"nan", "inf", "-inf"}:
        raise RowError(f"rating {value!r} is not a finite number")
    if is_absent(value) and not isinstance(value, float):
        return None
    number = _number(value)
    if number is None or not math.isfinite(number):
        raise RowError(f"rating {value!r} is not a finite number")
    if number < 0:
        raise RowError(f"rating {value!r} is negative")
    return number


def clean_time(value: object, name: str = "timestamp") -> float:
    """Unix seconds, from seconds or a finer unit or from ISO 8601 (without a zone: UTC). Raises RowError."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp()
    number = _number(value)
    if number is not None and math.isfinite(number):
        if number < 0:
            raise RowError(f"{name} {value!r} is negative")
        while number >= _LARGEST_SECONDS:
            number /= 1000
        return number
    try:
        return clean_time(datetime.fromisoformat(str(value).strip()), name)
    except ValueError as error:
        raise RowError(f"{name} {value!r} is neither a Unix time nor ISO 8601") from error


def clean_truth(value: object, name: str) -> bool:
    """A truth value; absent is false. Raises RowError for anything but true, false, 1 and 0."""
    if is_absent(value):
        return False
    said = str(value).strip().lower()
    if said not in {"true", "false", "1", "0", "1.0", "0.0"}:
        raise RowError(f"{name} {value!r} is neither true nor false")
    return said in {"true", "1", "1.0"}


def clean_attribute(name: str, value: object) -> AttributeValue | None:
    """A typed attribute: truth value, number, list of texts or text; None where there is nothing.

    A text is a number if it is written as one (a leading zero keeps it a text: "02139"), a list if it is a JSON list,
    or if it holds "|", or if the attribute is usually a list (genres, tags, ...; then "," parts it too).
    """
    if is_absent(value):
        return None
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float | Decimal):
        number = _number(value)
        return number if number is not None and math.isfinite(number) else None
    return _texts(value) if isinstance(value, list | tuple) else _typed(name, clean_text(str(value).strip(), name))


def _typed(name: str, text: str) -> AttributeValue | None:
    if text.startswith("[") and text.endswith("]"):
        # Brackets in brackets, by the thousand, are no list of texts either.
        with contextlib.suppress(ValueError, RecursionError):
            return _texts(json.loads(text))
    if "|" in text or name.lower() in _LISTS:
        return _texts(text.split("|" if "|" in text else ","))
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    return float(text) if _NUMBER.fullmatch(text) and math.isfinite(float(text)) else text


def is_absent(value: object) -> bool:
    """Whether a cell says nothing: None, NaN, or one of the usual words for that."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True
    return isinstance(value, str) and value.strip().lower() in _ABSENT


def _texts(values: object) -> tuple[str, ...] | None:
    if not isinstance(values, list | tuple):
        return None
    return tuple(clean_text(text, "a list") for value in values if (text := str(value).strip())) or None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
