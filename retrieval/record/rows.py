"""Between the record's rows and FewRec's records.

Attributes are stored as canonical JSON (sorted keys), so equal attributes are equal text and an unchanged row can be
told in SQL.
"""

from __future__ import annotations

import json
import math
from typing import Any, TypeAlias

from sqlalchemy import Row

from retrieval.errors import InputError, StoreError
from retrieval.ids import SEPARATOR
from retrieval.types import Attributes, AttributeValue, Interaction, Item, PastItem, User

Values: TypeAlias = dict[str, Any]
"""Column values of one row, on their way into SQL. Never leaves this package."""


def item_values(item: Item) -> Values:
    """Row of an item. Raises InputError for an id, number or attribute that cannot be stored."""
    what = f"Item {item.item_id!r}"
    check_id(what, item.item_id)
    return {
        "item_id": item.item_id,
        "title": checked_text(what, "title", item.title),
        "domain": checked_text(what, "domain", item.domain),
        "description": None if item.description is None else checked_text(what, "description", item.description),
        "attributes": _dump(what, item.attributes),
        "added_at": None if item.added_at is None else _number(what, "added_at", item.added_at),
        "hidden": bool(item.hidden),
        "expires_at": None if item.expires_at is None else _number(what, "expires_at", item.expires_at),
    }


def user_values(user: User) -> Values:
    """Row of a user. Raises InputError as `item_values` does."""
    what = f"User {user.user_id!r}"
    check_id(what, user.user_id)
    return {"user_id": user.user_id, "attributes": _dump(what, user.attributes)}


def interaction_values(interaction: Interaction) -> Values:
    """Row of an interaction. Raises InputError for a time or rating that is no finite number."""
    what = f"Interaction of user {interaction.user_id!r} with item {interaction.item_id!r}"
    return {
        "user_id": interaction.user_id,
        "item_id": interaction.item_id,
        "timestamp": _number(what, "timestamp", interaction.timestamp),
        "liked": bool(interaction.liked),
        "rating": None if interaction.rating is None else _number(what, "rating", interaction.rating),
    }


def read_item(row: Row[Any]) -> Item:
    """Item of a row that carries the item columns."""
    return Item(
        item_id=row.item_id,
        title=row.title,
        domain=row.domain,
        description=row.description,
        attributes=read_attributes(row.attributes),
        added_at=row.added_at,
        hidden=bool(row.hidden),
        expires_at=row.expires_at,
    )


def read_user(row: Row[Any]) -> User:
    """User of a row that carries the user columns."""
    return User(user_id=row.user_id, attributes=read_attributes(row.attributes))


def read_interaction(row: Row[Any]) -> Interaction:
    """Interaction of a row that carries the interaction columns."""
    return Interaction(
        user_id=row.user_id,
        item_id=row.item_id,
        timestamp=row.timestamp,
        liked=bool(row.liked),
        rating=row.rating,
    )


def read_past(row: Row[Any], item: Item) -> PastItem:
    """History entry of an interaction row and its item."""
    return PastItem(item=item, timestamp=row.timestamp, liked=bool(row.liked), rating=row.rating)


def read_attributes(stored: str) -> dict[str, AttributeValue]:
    """Attributes as written; lists come back as tuples."""
    try:
        loaded = json.loads(stored)
    except ValueError as error:
        raise StoreError(
            f"The record holds attributes that are no JSON ({stored[:60]!r}): import that row again."
        ) from error
    return {name: tuple(value) if isinstance(value, list) else value for name, value in loaded.items()}


def _dump(what: str, attributes: Attributes) -> str:
    for name, value in attributes.items():
        if isinstance(value, (str, bool)) or (isinstance(value, (int, float)) and math.isfinite(value)):
            continue
        if isinstance(value, (tuple, list)) and all(isinstance(word, str) for word in value):
            continue
        raise InputError(f"{what}: attribute {name!r} must be text, a finite number, true/false or a list of texts.")
    stored = json.dumps(dict(attributes), ensure_ascii=False, sort_keys=True, allow_nan=False, separators=(",", ":"))
    return checked_text(what, "an attribute", stored)


def checked_text(what: str, name: str, value: str) -> str:
    """The text itself. Raises InputError for one that a database does not take."""
    # PostgreSQL takes no NUL, and neither database takes half of a surrogate pair.
    if "\0" in value:
        raise InputError(f"{what}: {name} holds a NUL character. Remove it.")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{what}: {name} is not valid Unicode text ({error.reason} at {error.start}).") from error
    return value


def _number(what: str, name: str, value: float) -> float:
    if not math.isfinite(value):
        raise InputError(f"{what}: {name} must be a finite number, not {value}.")
    return float(value)


def check_id(what: str, given: str) -> None:
    """Raises InputError for an id that cannot be stored; `what` names whose it is."""
    if not given or SEPARATOR in given or "\0" in given:
        raise InputError(f"{what}: an id must not be empty or hold control characters.")
    checked_text(what, "the id", given)
