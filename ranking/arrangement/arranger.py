"""Puts the list together from what was ranked: rules, age, what was shown before, duplicates, diversity, guarantees."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ranking.arrangement.change import Change
from ranking.arrangement.config import ArrangementSettings
from ranking.arrangement.duplicates import duplicates
from ranking.arrangement.rules import Block, Cap, Minimum, Pin, Rule
from ranking.arrangement.selection import Need, Selection
from ranking.arrangement.types import Arranged, Cause, Evidence, Weighed
from ranking.arrangement.weighing import days_old, selector, weigh
from ranking.types import RankedItem
from retrieval.behaviour import SECONDS_A_DAY
from retrieval.matching import attribute_of
from retrieval.reserved import Reserved
from retrieval.retriever import Retriever
from retrieval.shows import ItemShows
from retrieval.store import Store
from retrieval.types import Item, Query, Retrieved

_HISTORY_COMPARED = 50
"""Latest past items that a candidate may be a duplicate of."""
_CHOICE = 3
"""Candidates for each place that is kept for a kind of item, as far as there is room, so that ranking has a choice."""


class Arranger:
    """Arranges lists as the settings say. Thread-safe; holds counts of what was shown, nothing of a request."""

    def __init__(self, settings: ArrangementSettings, store: Store, retriever: Retriever) -> None:
        self._settings = settings
        self._record, self._index, self._retriever = store.record, store.index, retriever
        explore = settings.explore
        self._shows = None if explore is None else ItemShows(store.record, explore.within_days * SECONDS_A_DAY)

    def reserved(self, query: Query) -> tuple[Reserved, ...]:
        """The items that must be among the candidates; blocks where it counts what was shown."""
        settings, as_of = self._settings, time.time() if query.as_of is None else query.as_of
        found = []
        if pins := [rule.id for rule in settings.rules if isinstance(rule, Pin)]:
            found.append(Reserved(source="pinned", item_ids=tuple(pins), places=len(pins), least=len(pins)))
        if (fresh := settings.fresh) is not None:
            latest = self._retriever.added_between(as_of - fresh.within_days * SECONDS_A_DAY, as_of)
            found.append(_reserved("fresh", latest, fresh.least))
        if (explore := settings.explore) is not None:
            counts = self._exposures(as_of)
            new = self._retriever.added_between(as_of - explore.within_days * SECONDS_A_DAY, as_of)
            able = [item_id for item_id in new if counts.get(item_id, 0) < explore.shown_at_most]
            able.sort(key=lambda item_id: counts.get(item_id, 0))  # stable: the latest of equals first
            found.append(_reserved("explore", able, explore.slots))
        return tuple(found)

    def evidence(self, retrieved: Retrieved) -> Evidence:
        """What arranging these candidates goes by; blocks."""
        settings, user = self._settings, retrieved.user
        ids = [candidate.item.item_id for candidate in retrieved.candidates]
        if settings.duplicates is not None:
            ids += [past.item.item_id for past in retrieved.history[-_HISTORY_COMPARED:]]
        wanted = bool(settings.diversity or settings.duplicates)
        shown: Mapping[str, int] = {}
        if settings.seen is not None and user is not None:
            since = retrieved.as_of - settings.seen.within_days * SECONDS_A_DAY
            shown = self._record.shown().counts_of(user.user_id, since, retrieved.as_of)
        return Evidence(
            vectors=self._index.vectors("items", list(dict.fromkeys(ids))) if wanted else {},
            shown=shown,
            exposures=self._exposures(retrieved.as_of),
            notes=tuple(self._unknown_attributes()),
        )

    def without_evidence(self) -> Evidence:
        """For when the index or the record cannot be asked: rules, age and dates still count."""
        return Evidence(vectors={}, shown={}, exposures={})

    def arrange(
        self, ranked: Sequence[RankedItem], n: int, retrieved: Retrieved, evidence: Evidence, *, by_fusion: bool
    ) -> Arranged:
        """At most n of the ranked items (all of them, best first) as they are shown."""
        settings = self._settings
        weighed = weigh(ranked, settings, evidence, as_of=retrieved.as_of, by_fusion=by_fusion)
        passed = dict(self._blocked(weighed))
        weighed = [one for one in weighed if one.item_id not in passed]
        if settings.duplicates is not None:
            passed |= self._same(weighed, retrieved, evidence)
            weighed = [one for one in weighed if one.item_id not in passed]
        selection = Selection(
            n=n,
            pins=[rule for rule in settings.rules if isinstance(rule, Pin)],
            caps=[rule for rule in settings.rules if isinstance(rule, Cap)],
            needs=list(self._needs(retrieved.as_of, evidence)),
            diversity=settings.diversity,
            vectors=evidence.vectors,
        )
        picks = selection.fill(weighed)
        return Arranged(
            items=tuple(replace(one.ranked, rank=rank) for rank, one in enumerate(picks, start=1)),
            changes=tuple(_changes(ranked, weighed, picks, {**selection.passed, **passed}, n)),
            notes=(*evidence.notes, *selection.notes),
        )

    def _blocked(self, weighed: Sequence[Weighed]) -> Iterator[tuple[str, Cause]]:
        blocks = [(rule, selector(rule)) for rule in self._settings.rules if isinstance(rule, Block)]
        for one in weighed:
            for rule, means in blocks:
                if means(one.ranked.item):
                    yield one.item_id, Cause(kind="block", rule=rule.name, told="blocked")

    def _same(self, weighed: Sequence[Weighed], retrieved: Retrieved, evidence: Evidence) -> dict[str, Cause]:
        assert self._settings.duplicates is not None  # noqa: S101 - the caller looked
        pinned = {rule.id for rule in self._settings.rules if isinstance(rule, Pin)}
        # Of two that are the same the pinned one stays, whichever is better.
        items = sorted((one.ranked.item for one in weighed), key=lambda item: item.item_id not in pinned)
        known = [past.item for past in retrieved.history[-_HISTORY_COMPARED:]]
        had = {item.item_id for item in known}
        found = duplicates(items, known, evidence.vectors, self._settings.duplicates)
        return {
            item_id: Cause(
                kind="duplicate",
                told=f"says the same as {other.title!r}, which {'they had' if other.item_id in had else 'is better'}",
            )
            for item_id, other in found.items()
            if item_id not in pinned
        }

    def _needs(self, as_of: float, evidence: Evidence) -> Iterator[Need]:
        settings = self._settings
        for rule in settings.rules:
            if isinstance(rule, Minimum):
                yield _minimum(rule)
        if (fresh := settings.fresh) is not None:
            yield Need(
                kind="fresh",
                rule=None,
                least=fresh.least,
                means=lambda item: _within(item, as_of, fresh.within_days),
                told=lambda item: f"given a place for being {_age(item, as_of)} old",
                asked=f"At least {fresh.least} items of the last {fresh.within_days:g} days are asked for",
            )
        if (explore := settings.explore) is not None:
            counts, most = evidence.exposures, explore.shown_at_most
            yield Need(
                kind="explore",
                rule=None,
                least=explore.slots,
                means=lambda item: (
                    _within(item, as_of, explore.within_days) and counts.get(item.item_id, 0) < explore.shown_at_most
                ),
                told=lambda item: f"given a place for being new: shown {counts.get(item.item_id, 0)} of {most} times",
                asked=f"{explore.slots} places are kept for items of the last {explore.within_days:g} days",
                exposures=counts,
            )

    def _exposures(self, as_of: float) -> dict[str, int]:
        return {} if self._shows is None else self._shows.counts(as_of)

    def _unknown_attributes(self) -> Iterator[str]:
        """A rule on an attribute that no item has would never do anything, and nobody would know why."""
        named = [(rule.name, name) for rule in self._settings.rules for name in _attributes(rule)]
        known = self._record.attribute_names() | {"title", "domain"} if named else frozenset()
        for rule, name in named:
            if name not in known:
                yield f"Rule {rule!r} looks at attribute {name!r}, which no item has."


def _reserved(source: str, item_ids: Sequence[str], least: int) -> Reserved:
    return Reserved(source=source, item_ids=tuple(item_ids), places=_CHOICE * least, least=least)


def _attributes(rule: Rule) -> list[str]:
    if isinstance(rule, Pin):
        return []
    found = [attribute_of(condition) for condition in rule.conditions]
    return [*found, rule.each] if isinstance(rule, Cap) and rule.each is not None else found


def _minimum(rule: Minimum) -> Need:
    return Need(
        kind="minimum",
        rule=rule.name,
        least=rule.least,
        means=selector(rule),
        told=lambda _: f"at least {rule.least} of them",
        asked=f"at least {rule.least} items are asked for",
    )


def _within(item: Item, as_of: float, days: float) -> bool:
    age = days_old(item, as_of)
    return age is not None and age <= days


def _age(item: Item, as_of: float) -> str:
    age = days_old(item, as_of)
    return "?" if age is None else f"{age:.1f} days"


def _changes(
    ranked: Sequence[RankedItem],
    weighed: Sequence[Weighed],
    picks: Sequence[Weighed],
    passed: dict[str, Cause],
    n: int,
) -> Iterator[Change]:
    """Of items that stand elsewhere than ranking alone would put them, or would have stood in the list."""
    for after, one in enumerate(picks, start=1):
        if one.before != after:
            yield from (_change(one.ranked, cause, one.before, after) for cause in one.causes)
    shown = {one.item_id for one in picks}
    soft = {one.item_id: one.causes for one in weighed}
    for before, entry in enumerate(ranked[:n], start=1):
        item_id = entry.item.item_id
        if item_id not in shown:
            causes = (*((passed[item_id],) if item_id in passed else ()), *soft.get(item_id, ()))
            yield from (_change(entry, cause, before, None) for cause in causes)


def _change(entry: RankedItem, cause: Cause, before: int, after: int | None) -> Change:
    return Change(
        item_id=entry.item.item_id,
        title=entry.item.title,
        kind=cause.kind,
        rule=cause.rule,
        before=before,
        after=after,
        told=cause.told,
    )
