"""Rules for lists, written down as data: pin, boost, bury, block, cap, minimum. They are checked before they serve."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, StringConstraints, field_validator, model_validator

from retrieval.conditions import parse_filter
from retrieval.config import Section
from retrieval.contradictions import contradiction
from retrieval.errors import InputError
from retrieval.filters import Equals, Filter

RuleName: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
ItemIds: TypeAlias = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=512)], ...], Field(max_length=1000)]
_MOST_PLACES = 100


class _Selecting(Section):
    """A rule about some items: those with one of the ids, or those that meet all of the conditions."""

    name: RuleName
    """Stands in answers where the rule changed the list."""
    ids: ItemIds = ()
    items: tuple[str, ...] = Field(default=(), max_length=20)
    """Conditions as in filters, such as "genres=Horror" or "year<=1999"; all must hold."""

    @property
    def conditions(self) -> tuple[Filter, ...]:
        """What `items` says."""
        return tuple(parse_filter(text) for text in self.items)

    @property
    def selects(self) -> tuple[frozenset[str], frozenset[Filter]]:
        """Equal for two rules that say the same of which items they mean."""
        return frozenset(self.ids), frozenset(self.conditions)

    @model_validator(mode="after")
    def _selects_something(self) -> Self:
        if bool(self.ids) == bool(self.items):
            raise ValueError(f"rule {self.name!r}: say which items it means, either by ids or by items (conditions)")
        try:
            why = contradiction(self.conditions)
        except InputError as error:
            raise ValueError(f"rule {self.name!r}: {error}") from error
        if why is not None:
            raise ValueError(f"rule {self.name!r} means no item at all: {why}")
        return self


class Pin(Section):
    """An item that stands at a fixed place, wherever it may be shown at all."""

    kind: Literal["pin"]
    name: RuleName
    id: Annotated[str, Field(min_length=1, max_length=512)]
    rank: int = Field(default=1, ge=1, le=_MOST_PLACES)


class Boost(_Selecting):
    """The odds of these items are multiplied."""

    kind: Literal["boost"]
    factor: float = Field(default=2.0, gt=1, le=1e6)


class Bury(_Selecting):
    """The odds of these items are divided."""

    kind: Literal["bury"]
    factor: float = Field(default=2.0, gt=1, le=1e6)


class Block(_Selecting):
    """These items are not shown."""

    kind: Literal["block"]


class Minimum(_Selecting):
    """At least so many of these items are in the list, where there are so many candidates of them."""

    kind: Literal["minimum"]
    least: int = Field(ge=1, le=_MOST_PLACES)


class Cap(Section):
    """At most so many of these items are in the list, or of each value that an attribute has."""

    kind: Literal["cap"]
    name: RuleName
    items: tuple[str, ...] = Field(default=(), max_length=20)
    each: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """An attribute, such as "artist": at most `most` items of each artist. Of a list, each word counts."""
    most: int = Field(ge=1, le=_MOST_PLACES)
    """To show none of them, block them."""

    @property
    def conditions(self) -> tuple[Filter, ...]:
        """What `items` says; empty where the rule is about each value."""
        return tuple(parse_filter(text) for text in self.items)

    @property
    def selects(self) -> tuple[frozenset[str], frozenset[Filter]]:
        """As of the rules about items."""
        return frozenset(), frozenset(self.conditions)

    @model_validator(mode="after")
    def _counts_something(self) -> Self:
        if bool(self.items) == (self.each is not None):
            raise ValueError(f"rule {self.name!r}: say what it counts, either by items (conditions) or by each")
        try:
            self.conditions  # noqa: B018 - whether they can be read
        except InputError as error:
            raise ValueError(f"rule {self.name!r}: {error}") from error
        return self


Rule: TypeAlias = Annotated[Pin | Boost | Bury | Block | Minimum | Cap, Field(discriminator="kind")]


class RulesSection(Section):
    """The part of a section that holds rules."""

    rules: tuple[Rule, ...] = Field(default=(), max_length=200)

    @field_validator("rules")
    @classmethod
    def _agree(cls, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        for one, other in combinations(rules, 2):
            if (clash := next(_clashes(one, other), None)) is not None:
                raise ValueError(f"rules {one.name!r} and {other.name!r} contradict each other: {clash}")
        return rules


def _clashes(one: Rule, other: Rule) -> Iterator[str]:
    """Why the two cannot both be meant, as far as they tell without a catalogue."""
    if one.name == other.name:
        yield "both have this name, which answers are to tell them apart by"
    for first, second in ((one, other), (other, one)):
        yield from _ordered_clashes(first, second)
    if isinstance(one, Pin) and isinstance(other, Pin):
        if one.id == other.id:
            yield f"item {one.id!r} is pinned twice"
        elif one.rank == other.rank:
            yield f"both pin an item to rank {one.rank}"


def _ordered_clashes(one: Rule, other: Rule) -> Iterator[str]:
    if isinstance(one, Pin) and isinstance(other, Block | Bury) and one.id in other.ids:
        yield f"one pins item {one.id!r}, the other {'blocks' if isinstance(other, Block) else 'buries'} it"
    if isinstance(one, Boost) and isinstance(other, Bury | Block) and _same(one, other):
        yield f"one boosts the items that the other {'buries' if isinstance(other, Bury) else 'blocks'}"
    if isinstance(one, Minimum) and isinstance(other, Block) and _same(one, other):
        yield "one asks for the items that the other blocks"
    if isinstance(one, Minimum) and isinstance(other, Cap) and one.least > other.most and _counts(other, one):
        yield f"one asks for at least {one.least} of the items of which the other allows {other.most}"


def _counts(cap: Cap, wanted: Minimum) -> bool:
    """Whether the cap is about the very items that are wanted, or those of one value of its attribute."""
    values = (one for one in wanted.conditions if isinstance(one, Equals))
    return cap.selects == wanted.selects if cap.each is None else any(one.attribute == cap.each for one in values)


def _same(one: _Selecting, other: _Selecting) -> bool:
    shared = set(one.ids) & set(other.ids)
    return bool(shared) or (one.selects == other.selects)
