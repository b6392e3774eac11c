"""Gorse's shapes of items, users and feedback, and what they are in the record."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, TypeAlias

from fastapi import Query as Parameter
from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from retrieval.errors import InputError
from retrieval.record.types import Feedback, FeedbackKind
from retrieval.types import Attributes, Item, User
from service.api.fields import (
    MOST_SECONDS,
    AttributeChanges,
    Id,
    Text,
    key_of,
    merged,
    not_in_the_future,
)
from service.stored import attributes_out
from service.wire import Wire

NEVER = "0001-01-01T00:00:00Z"
"""Go's zero time, which stands for an absent one."""
CATEGORIES, LABELS, COMMENT = "categories", "labels", "comment"
"""Attributes that hold Gorse's fields of these names."""
KINDS: Mapping[str, FeedbackKind] = {
    **dict.fromkeys(("view", "read", "impression"), "view"),
    **dict.fromkeys(("click", "open"), "click"),
    **dict.fromkeys(("like", "star", "favorite", "love", "save", "share", "follow"), "like"),
    **dict.fromkeys(("dislike", "unlike", "hate"), "dislike"),
    **dict.fromkeys(("buy", "purchase", "order", "watch", "play", "listen"), "buy"),
    **dict.fromkeys(("dismiss", "hide", "skip", "not_interested"), "dismiss"),
}
"""What Gorse's users call their feedback, and what it is here."""

# That texts can be stored (no NUL) is the record's to check.
_Word: TypeAlias = Annotated[str, StringConstraints(max_length=10_000)]
_Words: TypeAlias = Annotated[list[_Word], Field(max_length=1000)]
LabelsIn: TypeAlias = AttributeChanges | _Words
Count: TypeAlias = Annotated[int, Parameter(ge=1, le=1000)]
Few: TypeAlias = Annotated[int, Parameter(ge=1, le=100)]
Skipped: TypeAlias = Annotated[int, Parameter(ge=0, le=100)]
AfterPage: TypeAlias = Annotated[str, Parameter(max_length=4096)]
Category: TypeAlias = Annotated[str, Parameter(min_length=1, max_length=1000)]


class GorseIn(BaseModel):
    """What clients of Gorse send; what is not named is passed over, as Gorse does."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class ItemIn(GorseIn):
    """An item. Its comment is its title, and where that is empty its id is."""

    ItemId: Id
    IsHidden: bool = False
    Categories: _Words | None = None
    Timestamp: datetime | None = None
    Labels: LabelsIn | None = None
    Comment: _Word = ""

    def item(self) -> Item:
        """As the record takes it. Raises InputError for labels that it cannot hold and for times before 1970."""
        categories: Attributes = {CATEGORIES: tuple(self.Categories)} if self.Categories else {}
        return Item(
            item_id=self.ItemId,
            title=self.Comment or self.ItemId,
            attributes={**categories, **attributes_of_labels(self.Labels, CATEGORIES)},
            added_at=seconds(self.Timestamp),
            hidden=self.IsHidden,
        )


class ItemChanges(GorseIn):
    """What changes; null and what is left out stay."""

    IsHidden: bool | None = None
    Categories: _Words | None = None
    Timestamp: datetime | None = None
    Labels: LabelsIn | None = None
    Comment: _Word | None = None

    def apply(self, item: Item) -> Item:
        """The item with the changes; labels are replaced as a whole. Raises InputError as `ItemIn.item` does."""
        categories = {name: value for name, value in item.attributes.items() if name == CATEGORIES}
        labels = {name: value for name, value in item.attributes.items() if name != CATEGORIES}
        if self.Categories is not None:
            categories = {CATEGORIES: tuple(self.Categories)} if self.Categories else {}
        if self.Labels is not None:
            labels = dict(attributes_of_labels(self.Labels, CATEGORIES))
        return replace(
            item,
            title=self.Comment or item.title,
            attributes={**categories, **labels},
            added_at=item.added_at if self.Timestamp is None else seconds(self.Timestamp),
            hidden=item.hidden if self.IsHidden is None else self.IsHidden,
        )


class UserIn(GorseIn):
    """A user."""

    UserId: Id
    Labels: LabelsIn | None = None
    Comment: _Word = ""

    def user(self) -> User:
        """As the record takes it. Raises InputError for labels that it cannot hold."""
        comment: Attributes = {COMMENT: self.Comment} if self.Comment else {}
        return User(user_id=self.UserId, attributes={**comment, **attributes_of_labels(self.Labels, COMMENT)})


class FeedbackIn(GorseIn):
    """What a user did with an item; its value is not kept."""

    FeedbackType: Text
    UserId: Id
    ItemId: Id
    Timestamp: datetime | None = None
    """Left out, it is now."""

    def feedback(self) -> Feedback:
        """As the record takes it; the same again is the same. Raises InputError for an unknown type or a wrong time."""
        kind, time = kind_of(self.FeedbackType), seconds(self.Timestamp)
        told = "\0".join((self.UserId, self.ItemId, repr(time)))
        digest = hashlib.sha256(told.encode()).hexdigest()[:32]
        return Feedback(
            feedback_id=f"gorse:{self.FeedbackType}:{digest}",
            user_id=self.UserId,
            item_id=self.ItemId,
            kind=kind,
            timestamp=not_in_the_future(time),
        )


class ItemOut(Wire):
    """An item in Gorse's shape."""

    ItemId: str
    IsHidden: bool
    Categories: list[str]
    Timestamp: str
    Labels: JsonValue
    Comment: str

    @classmethod
    def of(cls, item: Item) -> ItemOut:
        """The wire shape."""
        categories = item.attributes.get(CATEGORIES)
        return cls(
            ItemId=item.item_id,
            IsHidden=item.hidden,
            Categories=list(categories) if isinstance(categories, tuple) else [],
            Timestamp=told_time(item.added_at),
            Labels=_labels_out(item.attributes, CATEGORIES),
            Comment="" if item.title == item.item_id else item.title,
        )


class UserOut(Wire):
    """A user in Gorse's shape."""

    UserId: str
    Labels: JsonValue
    Comment: str

    @classmethod
    def of(cls, user: User) -> UserOut:
        """The wire shape."""
        comment = user.attributes.get(COMMENT)
        return cls(
            UserId=user.user_id,
            Labels=_labels_out(user.attributes, COMMENT),
            Comment=comment if isinstance(comment, str) else "",
        )


class FeedbackOut(Wire):
    """Feedback in Gorse's shape."""

    FeedbackType: str
    UserId: str
    ItemId: str
    Value: float = 0.0
    Timestamp: str
    Comment: str = ""

    @classmethod
    def of(cls, feedback: Feedback) -> FeedbackOut:
        """The wire shape; feedback that did not come in Gorse's shape has the name of its kind."""
        door, _, rest = feedback.feedback_id.partition(":")
        named = rest.partition(":")[0]
        return cls(
            FeedbackType=named if door == "gorse" and KINDS.get(named.lower()) == feedback.kind else feedback.kind,
            UserId=feedback.user_id,
            ItemId=feedback.item_id,
            Timestamp=told_time(feedback.timestamp),
        )


class ScoreOut(Wire):
    """An item of a list."""

    Id: str
    Score: float


class RowsOut(Wire):
    """What a write did."""

    RowAffected: int


def kind_of(feedback_type: str) -> FeedbackKind:
    """What a type of feedback means here. Raises InputError for one that is not known."""
    kind = KINDS.get(feedback_type.lower())
    if kind is None:
        raise InputError(f"feedback type {feedback_type!r} is not known here; send one of {', '.join(KINDS)}")
    return kind


def attributes_of_labels(labels: LabelsIn | None, reserved: str) -> Attributes:
    """A list is the attribute "labels"; an object is attributes. Raises InputError for the reserved name."""
    if labels is None:
        return {}
    if isinstance(labels, list):
        return {LABELS: tuple(labels)} if labels else {}
    if reserved in labels:
        raise InputError(f"Labels must not hold {reserved!r}: it is a field of its own")
    return merged({}, labels)


def seconds(given: datetime | None) -> float | None:
    """Unix seconds; a time without a zone is UTC, Go's zero time is None.

    Raises InputError for times before 1970 and for those beyond what /v1 takes.
    """
    if given is None:
        return None
    time = given if given.tzinfo else given.replace(tzinfo=UTC)
    if time == datetime(1, 1, 1, tzinfo=UTC):
        return None
    if time.timestamp() < 0:
        raise InputError(f"Timestamp {given.isoformat()} lies before 1970")
    if time.timestamp() > MOST_SECONDS:
        raise InputError(f"Timestamp {given.isoformat()} lies too far ahead")
    return time.timestamp()


def told_time(given: float | None) -> str:
    """RFC 3339, as Go writes it. What has no date there, such as an imported time in the year 10000, is never."""
    if given is None:
        return NEVER
    try:
        return datetime.fromtimestamp(given, UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return NEVER


def page_key(cursor: str) -> str | None:
    """The key after which a page begins; Gorse's clients send an empty cursor for the first one."""
    return key_of(cursor or None)


def _labels_out(attributes: Attributes, reserved: str) -> JsonValue:
    shown = attributes_out({name: value for name, value in attributes.items() if name != reserved})
    alone = set(shown) == {LABELS} and isinstance(attributes[LABELS], tuple)
    return shown[LABELS] if alone else dict(shown)
