"""How often new items were shown, against the cap of the places that are kept for them."""

from __future__ import annotations

from dataclasses import dataclass

from ranking.arrangement.config import ExploreSettings
from retrieval.behaviour import SECONDS_A_DAY
from retrieval.record import Record
from retrieval.shows import ItemShows
from retrieval.types import Item


@dataclass(frozen=True, kw_only=True, slots=True)
class Exposure:
    """A new item and the lists that it was in."""

    item: Item
    shown: int
    """Lists in the settings' time, whoever they were for and whatever brought it into them."""
    still: bool
    """Whether it may still be given a kept place."""


def exposures(record: Record, explore: ExploreSettings, now: float) -> list[Exposure]:
    """Every item that is new at a time and may be shown, those shown least first; ties by item id."""
    span_s = explore.within_days * SECONDS_A_DAY
    counts = ItemShows(record, span_s).counts(now)
    new = [
        item
        for item in record.iter_items()
        if item.added_at is not None
        and now - span_s <= item.added_at < now
        and not item.hidden
        and (item.expires_at is None or item.expires_at > now)
    ]
    found = (
        Exposure(item=item, shown=counts[item.item_id], still=counts[item.item_id] < explore.shown_at_most)
        for item in new
    )
    return sorted(found, key=lambda one: (one.shown, one.item.item_id))
