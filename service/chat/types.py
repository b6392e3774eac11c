"""What a chat is made of: conditions that hold, what one utterance says, and the state a conversation is in.

All of it is plain values. A state is whole: nothing of a conversation is kept elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Language: TypeAlias = Literal["en", "zh"]
Stance: TypeAlias = Literal["like", "love", "hate", "seen"]
"""What is said of an item: wanted is something like it, it was loved, it was hated, or it is known already."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Facet:
    """The attribute has at least one of the values; refused: none of them. Spelt as in the catalogue."""

    attribute: str
    values: tuple[str, ...]
    refused: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """The number lies between low and high, both included; refused: it does not. None leaves that side open."""

    attribute: str
    low: float | None = None
    high: float | None = None
    refused: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class InDomain:
    """The item is of this domain."""

    domain: str


Condition: TypeAlias = Facet | Span
Relaxable: TypeAlias = Facet | Span | InDomain


@dataclass(frozen=True, kw_only=True, slots=True)
class Mention:
    """A title that was named. More than one item: it is not clear which; none: the catalogue has none such."""

    text: str
    stance: Stance
    item_ids: tuple[str, ...]
    """Likeliest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pick:
    """An item of the list shown last, by its place: 1 is the first, -1 the last."""

    place: int
    stance: Stance | None
    """None: it only stands for what "newer" or "cheaper" is compared with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """More or less of a measure than what was shown or named: 1 is more (newer, dearer, longer), -1 is less."""

    attribute: str
    sign: Literal[1, -1]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What one utterance says, in the catalogue's own terms. Everything empty: nothing that can be used."""

    restart: bool = False
    answer: bool | None = None
    """Yes or no, where the utterance begins with it."""
    chosen: tuple[int, ...] = ()
    """Which options of the open question it takes, from 1; empty for none."""
    mentions: tuple[Mention, ...] = ()
    picks: tuple[Pick, ...] = ()
    conditions: tuple[Condition, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    released: tuple[str, ...] = ()
    """Attributes whose conditions fall."""
    released_values: tuple[Facet, ...] = ()
    """Values that are neither wanted nor refused any longer."""
    replaces: bool = False
    """What is wanted now stands instead of what was wanted of the same attributes."""
    adds: bool = False
    """Titles named now stand beside those named before."""
    domain: str | None = None
    any_domain: bool = False
    count: int | None = None
    more: bool = False
    """Others than those shown."""
    text: str | None = None
    """The words that no attribute covers, such as moods."""
    unsupported: tuple[str, ...] = ()
    """Measures that were asked for and that the catalogue does not tell."""
    unknown: tuple[str, ...] = ()
    """Names that were asked for and that the catalogue does not have."""
    unchecked: tuple[str, ...] = ()
    """Refused words that no attribute covers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """That the user likes or dislikes an item, in their own words."""

    item_id: str
    liked: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """The one thing asked at the end of a reply.

    "which": one of the items is meant. "relax": nothing passes all conditions; may `conditions` fall? "remember": may
    likes and dislikes be kept?
    """

    kind: Literal["which", "relax", "remember"]
    item_ids: tuple[str, ...] = ()
    stance: Stance = "like"
    conditions: tuple[Relaxable, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversation:
    """Where a conversation stands. A new one is Conversation()."""

    language: Language = "en"
    like: tuple[str, ...] = ()
    """Ids of the items that something like is wanted."""
    unlike: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()
    """Ids that must not come back."""
    conditions: tuple[Condition, ...] = ()
    """All of them must hold."""
    domain: str | None = None
    text: str | None = None
    count: int | None = None
    shown: tuple[str, ...] = ()
    """Ids of the list shown last, best first."""
    told: tuple[Told, ...] = ()
    """Likes and dislikes that are not kept yet."""
    consent: bool | None = None
    """Whether likes and dislikes may be kept; None before it was asked."""
    question: Question | None = None
    """The question that stands open."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """A state after an utterance, and what the reader of it must know."""

    state: Conversation
    unknown: tuple[str, ...] = ()
    unsupported: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    without_basis: tuple[str, ...] = ()
    """Attributes of comparisons ("newer") for which there was nothing to compare with."""
    assumed: tuple[str, ...] = ()
    """Ids taken for a title that stayed unclear."""
