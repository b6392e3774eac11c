"""What the record holds, as it looks on the wire."""

from __future__ import annotations

from pydantic import JsonValue

from retrieval.types import Attributes, Interaction, Item, User
from service.wire import Wire


class CatalogueItemOut(Wire):
    """An item as it is stored."""

    item_id: str
    title: str
    domain: str
    description: str | None
    attributes: dict[str, JsonValue]
    added_at: float | None
    hidden: bool
    expires_at: float | None

    @classmethod
    def of(cls, item: Item) -> CatalogueItemOut:
        """The wire shape."""
        return cls(
            item_id=item.item_id,
            title=item.title,
            domain=item.domain,
            description=item.description,
            attributes=attributes_out(item.attributes),
            added_at=item.added_at,
            hidden=item.hidden,
            expires_at=item.expires_at,
        )


class UserOut(Wire):
    """A user as stored."""

    user_id: str
    attributes: dict[str, JsonValue]

    @classmethod
    def of(cls, user: User) -> UserOut:
        """The wire shape."""
        return cls(user_id=user.user_id, attributes=attributes_out(user.attributes))


class InteractionOut(Wire):
    """An interaction as stored."""

    user_id: str
    item_id: str
    timestamp: float
    liked: bool
    rating: float | None

    @classmethod
    def of(cls, one: Interaction) -> InteractionOut:
        """The wire shape."""
        return cls(
            user_id=one.user_id, item_id=one.item_id, timestamp=one.timestamp, liked=one.liked, rating=one.rating
        )


def attributes_out(attributes: Attributes) -> dict[str, JsonValue]:
    """As JSON: a list stays a list."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in attributes.items()}
