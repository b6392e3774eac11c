"""What speaks for and against an item beside its ranking, as terms of its score. Pure.

Fused scores are log-odds of being chosen (fusion is fitted as a conditional logit), so what multiplies the odds adds
its logarithm. Where retrieval's order stands in for a score, the odds are taken to be 1 / rank.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from ranking.arrangement.config import ArrangementSettings, SeenSettings
from ranking.arrangement.rules import Block, Boost, Bury, Minimum
from ranking.arrangement.types import Cause, Evidence, Weighed
from ranking.types import FusionPart, RankedItem
from retrieval.behaviour import SECONDS_A_DAY
from retrieval.matching import matches
from retrieval.types import Item

_DEFAULT = "default"


def weigh(
    ranked: Sequence[RankedItem], settings: ArrangementSettings, evidence: Evidence, *, as_of: float, by_fusion: bool
) -> list[Weighed]:
    """The items with their weights, best first; ties keep their order. Nothing is left out yet.

    `ranked` is in ranking's order, which may disagree with its scores where there was no time to rank the last ones:
    these count as no better than the one before them.
    """
    ages = _age_terms(ranked, settings, as_of)
    boosts = [(rule, selector(rule)) for rule in settings.rules if isinstance(rule, Boost | Bury)]
    weighed, least = [], math.inf
    for place, one in enumerate(ranked):
        least = min(least, one.score) if by_fusion else -math.log(place + 1)
        terms = [ages[place], *(_boosted(rule) for rule, means in boosts if means(one.item))]
        if settings.seen is not None:
            terms.append(_sunk(evidence.shown.get(one.item.item_id, 0), settings.seen))
        kept = [term for term in terms if term is not None]
        parts = tuple(part for part, _ in kept)
        score = least + math.fsum(part.contribution for part in parts)
        changed = replace(one, score=score, parts=(*one.parts, *parts))
        causes = tuple(cause for part, cause in kept if part.contribution)
        weighed.append(Weighed(ranked=changed, before=place + 1, causes=causes))
    return sorted(weighed, key=lambda entry: -entry.ranked.score)


def selector(rule: Boost | Bury | Block | Minimum) -> Callable[[Item], bool]:
    """Whether the rule means an item."""
    ids, conditions = frozenset(rule.ids), rule.conditions
    if ids:
        return lambda item: item.item_id in ids
    return lambda item: all(matches(condition, item) for condition in conditions)


def days_old(item: Item, as_of: float) -> float | None:
    """Days since the item came into the catalogue, never less than 0; None where nobody said when it did."""
    return None if item.added_at is None else max(0.0, as_of - item.added_at) / SECONDS_A_DAY


_Term = tuple[FusionPart, Cause]


def _age_terms(ranked: Sequence[RankedItem], settings: ArrangementSettings, as_of: float) -> list[_Term | None]:
    """By item; an item without a date gets the mean of those that have one, so that it gains nothing by that."""
    if not settings.half_life_days:
        return [None] * len(ranked)
    terms: list[_Term | None] = []
    undated = []
    for place, one in enumerate(ranked):
        half_life = settings.half_life_days.get(one.item.domain, settings.half_life_days.get(_DEFAULT))
        age = days_old(one.item, as_of)
        if half_life is not None and age is None:
            undated.append(place)
        terms.append(None if half_life is None or age is None else _aged(age, half_life))
    dated = [term[0].contribution for term in terms if term is not None]
    if dated:
        mean = math.fsum(dated) / len(dated)
        for place in undated:
            part = FusionPart(name="age", value=None, weight=0.0, contribution=mean)
            terms[place] = (
                part,
                Cause(kind="age", told="of unknown age: taken for as old as the others are on average"),
            )
    return terms


def _aged(age: float, half_life: float) -> _Term:
    contribution = -math.log(2) * age / half_life
    told = f"{_span(age)} old, half-life {_span(half_life)}: odds times {math.exp(contribution):.2g}"
    part = FusionPart(name="age", value=age, weight=-math.log(2) / half_life, contribution=contribution)
    return part, Cause(kind="age", told=told)


def _boosted(rule: Boost | Bury) -> _Term:
    up = isinstance(rule, Boost)
    contribution = math.log(rule.factor) if up else -math.log(rule.factor)
    part = FusionPart(
        name=f"rule {rule.name}", value=rule.factor, weight=1.0 if up else -1.0, contribution=contribution
    )
    told = f"odds {'multiplied' if up else 'divided'} by {rule.factor:g}"
    return part, Cause(kind=rule.kind, rule=rule.name, told=told)


def _sunk(lists: int, seen: SeenSettings) -> _Term:
    contribution = -lists * math.log(seen.factor)
    part = FusionPart(name="seen", value=float(lists), weight=-math.log(seen.factor), contribution=contribution)
    times = "once" if lists == 1 else f"{lists} times"
    told = f"shown {times} in {_span(seen.within_days)} and not taken: odds divided by {seen.factor**lists:g}"
    return part, Cause(kind="seen", told=told)


def _span(days: float) -> str:
    """A length of time in words."""
    if days >= 2:
        return f"{days:.3g} days"
    hours = f"{days * 24:.2g}"
    return f"{hours} hour" if hours == "1" else f"{hours} hours"
