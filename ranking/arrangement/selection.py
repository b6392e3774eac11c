"""Picks a list from weighed items, one place after the other: pins, caps, guarantees, diversity. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ranking.arrangement.change import ChangeKind
from ranking.arrangement.rules import Cap, Pin
from ranking.arrangement.types import Cause, Weighed
from retrieval.matching import matches
from retrieval.protocol import Vectors
from retrieval.types import Item


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """That the list holds at least so many items of a kind."""

    kind: ChangeKind
    rule: str | None
    least: int
    means: Callable[[Item], bool]
    told: Callable[[Item], str]
    """Why an item was given a place for it."""
    asked: str
    """What is asked for, as in "at least 2 of them"."""
    exposures: Mapping[str, int] | None = None
    """Where given, whom fewest have seen comes first; else the best one does."""


@dataclass(kw_only=True)
class Selection:
    """A list that grows, and why items are passed over. Made for one list."""

    n: int
    pins: Sequence[Pin]
    caps: Sequence[Cap]
    needs: Sequence[Need]
    diversity: float
    vectors: Mapping[str, Vectors]
    picked: dict[int, Weighed] = field(default_factory=dict)
    """By place, from 0."""
    passed: dict[str, Cause] = field(default_factory=dict)
    """By item id, what kept an item from a place that its score would have given it."""
    notes: list[str] = field(default_factory=list)
    _counts: Counter[tuple[str, object]] = field(default_factory=Counter)

    def fill(self, weighed: Sequence[Weighed]) -> list[Weighed]:
        """At most n of the items (best first), in the order of the list, with what gave them their places."""
        left = self._pinned(list(weighed))
        nearness = _Nearness(left, self.vectors)
        for one in self.picked.values():
            nearness.add(one)
        places = [place for place in range(self.n) if place not in self.picked]
        outstanding = self._outstanding(left)
        for at, place in enumerate(places):
            wanting = [need for need in self.needs if outstanding[id(need)] > 0]
            forced = sum(outstanding[id(need)] for need in wanting) >= len(places) - at
            choice = self._choice(left, wanting if forced else (), nearness)
            if choice is None:
                break
            left = [one for one in left if one.item_id != choice.item_id]
            self._take(place, choice, nearness)
            for need in wanting:
                outstanding[id(need)] -= need.means(choice.ranked.item)
        found = [self.picked[place] for place in sorted(self.picked)]
        if len(found) < self.n and left:
            self.notes.append(f"{self.n - len(found)} places stay empty: no item is left that the caps allow.")
        return found

    def _pinned(self, left: list[Weighed]) -> list[Weighed]:
        by_id = {one.item_id: one for one in left}
        for pin in sorted(self.pins, key=lambda pin: pin.rank):
            one = by_id.get(pin.id)
            if one is None:
                why = "it is unknown, hidden, expired, blocked, filtered out, or the user had it"
                self.notes.append(f"Rule {pin.name!r}: item {pin.id!r} is not shown, since {why}.")
            elif pin.rank <= self.n:
                cause = Cause(kind="pin", rule=pin.name, told=f"pinned to rank {pin.rank}")
                self.picked[pin.rank - 1] = replace(one, causes=(*one.causes, cause))
                self._count(one.ranked.item)
        taken = {one.item_id for one in self.picked.values()}
        return [one for one in left if one.item_id not in taken]

    def _outstanding(self, left: Sequence[Weighed]) -> dict[int, int]:
        """By need, how many items it still asks for; no more than there are."""
        found = {}
        for need in self.needs:
            there = sum(need.means(one.ranked.item) for one in self.picked.values())
            more = sum(need.means(one.ranked.item) for one in left)
            if there + more < need.least:
                rule = "" if need.rule is None else f"Rule {need.rule!r}: "
                self.notes.append(f"{rule}{need.asked}, and {there + more} could be shown.")
            found[id(need)] = max(0, min(need.least - there, more))
        return found

    def _choice(self, left: Sequence[Weighed], forced: Sequence[Need], nearness: _Nearness) -> Weighed | None:
        """The next item; None where the caps allow none. An item that no need asks for waits where places are short."""
        allowed = []
        for one in left:
            cap = self._cap_on(one.ranked.item)
            if cap is None:
                allowed.append(one)
            else:
                self.passed.setdefault(one.item_id, cap)
        values = nearness.values(allowed, self.diversity)
        by_score = max(allowed, key=lambda one: values[one.item_id], default=None)
        for need in forced:
            able = [one for one in allowed if need.means(one.ranked.item)]
            if able and by_score is not None and not any(need.means(by_score.ranked.item) for need in forced):
                seen = need.exposures
                best = max(able, key=lambda one: (-(seen or {}).get(one.item_id, 0), values[one.item_id]))
                cause = Cause(kind=need.kind, rule=need.rule, told=need.told(best.ranked.item))
                return replace(best, causes=(*best.causes, cause))
        if by_score is None:
            return None
        return self._told_if_unlike(by_score, allowed, nearness)

    def _told_if_unlike(self, choice: Weighed, allowed: Sequence[Weighed], nearness: _Nearness) -> Weighed:
        best = allowed[0]
        if best is choice:
            return choice
        for one in allowed:
            if one is choice:
                break
            like = nearness.told(one)
            if like is not None:
                self.passed.setdefault(one.item_id, Cause(kind="diversity", told=like))
        near = nearness.of(choice)
        told = f"picked for being unlike the others (nearness {near:.2f}, of the better one {nearness.of(best):.2f})"
        return replace(choice, causes=(*choice.causes, Cause(kind="diversity", told=told)))

    def _take(self, place: int, choice: Weighed, nearness: _Nearness) -> None:
        self.picked[place] = choice
        self._count(choice.ranked.item)
        nearness.add(choice)

    def _cap_on(self, item: Item) -> Cause | None:
        for cap in self.caps:
            for key in _counted(cap, item):
                if self._counts[(cap.name, key)] >= cap.most:
                    of = "of them" if cap.each is None else f"of {cap.each} {key}"
                    return Cause(kind="cap", rule=cap.name, told=f"the list has {cap.most} {of} already")
        return None

    def _count(self, item: Item) -> None:
        for cap in self.caps:
            self._counts.update((cap.name, key) for key in _counted(cap, item))


class _Nearness:
    """How like each item is to the nearest one that was picked."""

    def __init__(self, weighed: Sequence[Weighed], vectors: Mapping[str, Vectors]) -> None:
        self._vectors = vectors
        known = [one.item_id for one in weighed if one.item_id in vectors]
        self._places = {item_id: place for place, item_id in enumerate(known)}
        self._rows = np.stack([vectors[item_id] for item_id in known]) if known else np.zeros((0, 1), np.float32)
        self._nearest = np.full(len(known), -np.inf, dtype=np.float32)
        self._which: list[str] = [""] * len(known)
        scores = [one.ranked.score for one in weighed]
        self._low = min(scores, default=0.0)
        self._span = (max(scores, default=0.0) - self._low) or 1.0

    def add(self, picked: Weighed) -> None:
        """From now on nearness to this one counts too."""
        vector = self._vectors.get(picked.item_id)
        if vector is None or not len(self._rows):
            return
        cosines = self._rows @ vector
        for place in np.flatnonzero(cosines > self._nearest):
            self._which[place] = picked.ranked.item.title
        self._nearest = np.maximum(self._nearest, cosines)

    def of(self, one: Weighed) -> float:
        """The largest cosine to one that was picked; 0 before the first, and for an item that the index lacks."""
        place = self._places.get(one.item_id)
        return 0.0 if place is None or not math.isfinite(self._nearest[place]) else float(self._nearest[place])

    def told(self, one: Weighed) -> str | None:
        """What the item is most like of what was picked; None where nothing can be said."""
        place = self._places.get(one.item_id)
        if place is None or not self._which[place]:
            return None
        return f"like {self._which[place]!r} in the list (cosine {self._nearest[place]:.2f})"

    def values(self, weighed: Sequence[Weighed], diversity: float) -> dict[str, float]:
        """Maximal marginal relevance by id: score, in [0, 1] from the least to the best one, less nearness."""
        return {
            one.item_id: (1 - diversity) * (one.ranked.score - self._low) / self._span - diversity * self.of(one)
            for one in weighed
        }


def _counted(cap: Cap, item: Item) -> tuple[object, ...]:
    """What an item counts as under a cap; empty where the cap says nothing of it."""
    if cap.each is None:
        return ("",) if all(matches(condition, item) for condition in cap.conditions) else ()
    value = item.domain if cap.each == "domain" else item.attributes.get(cap.each)
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)
