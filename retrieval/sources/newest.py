"""Items that came into the catalogue last."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from retrieval.protocol import Proposal, RetrievalRequest
from retrieval.types import Item


class Newest:
    """Items by the time they were added; the score is that time. Items without one are not proposed."""

    name = "newest"

    def __init__(self, catalogue: Callable[[], Mapping[str, Item]]) -> None:
        self._catalogue = catalogue
        self._sorted = _Dated(items={}, order=[])

    def propose(self, request: RetrievalRequest, k: int) -> list[Proposal]:
        """At most k items added before the request, latest first."""
        order = self._order()
        start = bisect.bisect_right(order, -request.as_of, key=lambda entry: entry[0])
        return [Proposal(item_id=item_id, score=-opposite) for opposite, item_id in order[start : start + k]]

    def between(self, since: float, until: float, most: int) -> tuple[str, ...]:
        """At most `most` items added at `since` or later and before `until`, latest first."""
        order = self._order()
        start = bisect.bisect_right(order, -until, key=lambda entry: entry[0])
        end = bisect.bisect_right(order, -since, key=lambda entry: entry[0])
        return tuple(item_id for _, item_id in order[start : min(end, start + most)])

    def _order(self) -> list[tuple[float, str]]:
        items, dated = self._catalogue(), self._sorted
        if dated.items is not items:
            dated = self._sorted = _Dated(items=items, order=_latest_first(items))
        return dated.order


@dataclass(frozen=True, kw_only=True, slots=True)
class _Dated:
    items: Mapping[str, Item]
    """The catalogue that was sorted; it never changes, another one takes its place."""
    order: list[tuple[float, str]]
    """Minus the time and the id, ascending."""


def _latest_first(items: Mapping[str, Item]) -> list[tuple[float, str]]:
    return sorted((-item.added_at, item.item_id) for item in items.values() if item.added_at is not None)
