"""Why an item is on the list: facts that were measured, each told by a template."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ranking.types import RankedItem
from retrieval.types import AttributeValue, Item
from service.chat.tokens import cleaned
from service.chat.types import Conversation, Facet, Span
from service.chat.wording import Wording

Kind: TypeAlias = Literal["because", "shared", "meets", "mood", "similar", "popular", "source"]
_MOST_FACTS = 3
_LEAST_SIMILARITY = 0.2
"""Cosine below which a nearness is not worth telling."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """One measured fact behind an item, and its words."""

    kind: Kind
    text: str


def facts_of(ranked: RankedItem, state: Conversation, items: Mapping[str, Item], wording: Wording) -> tuple[Fact, ...]:
    """One to three facts, those that speak of the request before those that speak of everybody."""
    liked = [items[item_id] for item_id in state.like if item_id in items]
    shared = _shared(ranked.item, liked, wording)
    found = [
        *_from_reason(ranked, wording),
        # What is in common says more than that a condition holds, which every item of the list passes.
        *(shared or _from_request(ranked.item, state, wording)),
        *_from_signals(ranked, state, wording),
    ]
    return tuple(found[:_MOST_FACTS]) or (_source(ranked, wording),)


def reason_of(facts: tuple[Fact, ...], wording: Wording) -> str:
    """The facts as one phrase."""
    return wording.say("reason_joint").join(fact.text for fact in facts)


def _from_reason(ranked: RankedItem, wording: Wording) -> list[Fact]:
    reason = ranked.reason
    if reason is None or not reason.because:
        return []
    titles = wording.say("and").join(cleaned(influence.title) for influence in reason.because)
    return [Fact(kind="because", text=wording.say("reason_because", titles=titles))]


def _shared(item: Item, liked: Sequence[Item], wording: Wording) -> list[Fact]:
    """Values in common with the titles that were named."""
    held = {word for other in liked for value in other.attributes.values() for word in _words(value)}
    common = [wording.value(word) for value in item.attributes.values() for word in _words(value) if word in held]
    shared = wording.say("joint").join(dict.fromkeys(common))
    return [Fact(kind="shared", text=wording.say("reason_shared", shared=shared))] if common else []


def _from_request(item: Item, state: Conversation, wording: Wording) -> list[Fact]:
    """The item's own values that the conditions asked for."""
    told: list[str] = []
    for condition in state.conditions:
        value = item.attributes.get(condition.attribute)
        if condition.refused or value is None:
            continue
        if isinstance(condition, Facet):
            told += [
                wording.value(each)
                for each in _words(value)
                if each.casefold() in {v.casefold() for v in condition.values}
            ]
        elif isinstance(condition, Span) and condition.attribute != "year" and isinstance(value, int | float):
            told.append(f"{condition.attribute} {value:g}")
    values = wording.say("joint").join(dict.fromkeys(told))
    return [Fact(kind="meets", text=wording.say("reason_meets", values=values))] if values else []


def _from_signals(ranked: RankedItem, state: Conversation, wording: Wording) -> list[Fact]:
    signals = ranked.signals
    facts = []
    if state.text and signals.query_similarity is not None and signals.query_similarity >= _LEAST_SIMILARITY:
        text = wording.say("reason_mood", text=state.text, similarity=f"{signals.query_similarity:.2f}")
        facts.append(Fact(kind="mood", text=text))
    if signals.similarity_max is not None and signals.similarity_max >= _LEAST_SIMILARITY:
        text = wording.say("reason_similar", similarity=f"{signals.similarity_max:.2f}")
        facts.append(Fact(kind="similar", text=text))
    others = round(math.exp(signals.log_popularity) - 1)
    if others > 0:
        facts.append(Fact(kind="popular", text=wording.say("reason_popular", n=others)))
    return facts


def _source(ranked: RankedItem, wording: Wording) -> Fact:
    sources = wording.say("joint").join(vote.source for vote in ranked.votes) or "ranking"
    return Fact(kind="source", text=wording.say("reason_source", sources=sources))


def _words(value: AttributeValue) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return value if isinstance(value, tuple) else ()
