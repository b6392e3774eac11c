"""Small records for tests, with defaults for everything that a test does not care about."""

from __future__ import annotations

from retrieval.record import Record
from retrieval.types import Interaction, Item, User


def item(item_id: str, title: str | None = None, **attributes: str | float | bool | tuple[str, ...]) -> Item:
    return Item(item_id=item_id, title=title or f"Title of {item_id}", attributes=attributes)


def interaction(user_id: str, item_id: str, timestamp: float = 1.0, *, liked: bool = True) -> Interaction:
    return Interaction(user_id=user_id, item_id=item_id, timestamp=timestamp, liked=liked)


def fill(record: Record, *, users: int = 3, items: int = 8) -> None:
    """Every user likes every item, in the order of the items, at times 0, 1, 2, …"""
    record.put_items([item(f"i{k}", f"film number{k}") for k in range(items)])
    record.put_users([User(user_id=f"u{k}") for k in range(users)])
    record.put_interactions([interaction(f"u{u}", f"i{k}", k) for u in range(users) for k in range(items)])
