"""Which items are meant to expire, as the doors are told: by conditions in words, by age, or by both."""

from __future__ import annotations

import time
from collections.abc import Sequence

from retrieval.behaviour import SECONDS_A_DAY
from retrieval.conditions import parse_filter
from retrieval.matching import check_attributes
from retrieval.record import Record
from retrieval.record.expiry import Expiring


def expire_told(
    record: Record, filters: Sequence[str], older_than_days: float | None, *, dry_run: bool
) -> Sequence[str]:
    """Lets the items expire now, or only says which; returns their ids, sorted.

    Raises InputError for a condition that cannot be read or is on an attribute that no item has, and where nothing says
    which items are meant.
    """
    now = time.time()
    conditions = tuple(parse_filter(text) for text in filters)
    check_attributes(conditions, record.attribute_names())
    before = None if older_than_days is None else now - older_than_days * SECONDS_A_DAY
    return record.expire_items(Expiring(conditions=conditions, added_before=before), at=now, dry_run=dry_run)
