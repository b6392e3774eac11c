"""A conversation's conditions as filters, and which of them to give up when nothing passes them all. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import dataclass

from retrieval.filters import Filter, In, Not, Range
from retrieval.matching import matches
from retrieval.types import Item
from service.chat.types import Condition, Conversation, Facet, InDomain, Relaxable

_MOST_TOGETHER = 2
"""How many conditions are given up together at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Relaxation:
    """Conditions, and how many items would pass if these fell. Empty: more than two are in the way."""

    conditions: tuple[Relaxable, ...]
    passing: int


def filter_of(condition: Condition) -> Filter:
    """The typed filter that retrieval holds for the condition."""
    inner: In | Range
    if isinstance(condition, Facet):
        inner = In(attribute=condition.attribute, values=condition.values)
    else:
        inner = Range(attribute=condition.attribute, low=condition.low, high=condition.high)
    return Not(inner=inner) if condition.refused else inner


def holds(condition: Relaxable, item: Item) -> bool:
    """Whether an item passes a condition."""
    if isinstance(condition, InDomain):
        return item.domain == condition.domain
    return matches(filter_of(condition), item)


def all_of(state: Conversation) -> tuple[Relaxable, ...]:
    """Every condition of a state, the domain last."""
    return (*state.conditions, *(() if state.domain is None else (InDomain(domain=state.domain),)))


def violations(state: Conversation, items: Iterable[Item]) -> tuple[str, ...]:
    """Ids of items that the state does not allow; empty is what every reply must give."""
    barred = {*state.like, *state.unlike, *state.seen}
    conditions = all_of(state)
    return tuple(
        item.item_id
        for item in items
        if item.item_id in barred or not all(holds(condition, item) for condition in conditions)
    )


def relaxations(state: Conversation, items: Iterable[Item], barred: Set[str], now: float) -> tuple[Relaxation, ...]:
    """What to give up so that something passes, fewest conditions first, then most items; at most three ways.

    Counted over the items that may be shown now and are not barred. Empty where no one or two conditions are enough.
    """
    conditions = all_of(state)
    failing: Counter[tuple[int, ...]] = Counter()
    for item in items:
        if item.item_id in barred or not _showable(item, now):
            continue
        failed = tuple(place for place, condition in enumerate(conditions) if not holds(condition, item))
        if 0 < len(failed) <= _MOST_TOGETHER:
            failing[failed] += 1
    passing = {failed: sum(n for other, n in failing.items() if set(other) <= set(failed)) for failed in failing}
    fewest = min((len(failed) for failed in passing), default=0)
    best = sorted((f for f in passing if len(f) == fewest), key=lambda failed: (-passing[failed], failed))
    return tuple(
        Relaxation(conditions=tuple(conditions[place] for place in failed), passing=passing[failed])
        for failed in best[:3]
    )


def _showable(item: Item, now: float) -> bool:
    if item.hidden or (item.added_at is not None and item.added_at >= now):
        return False
    return item.expires_at is None or item.expires_at > now
