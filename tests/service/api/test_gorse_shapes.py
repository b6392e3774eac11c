from __future__ import annotations

import pytest

from retrieval.importing.cleaning import clean_time
from retrieval.types import Item
from service.api.gorse.shapes import NEVER, ItemOut, told_time


@pytest.mark.parametrize("stored", [clean_time("9999-12-31T23:59:59-05:00"), 1e300, -1e11])
def test_an_item_of_a_time_without_a_date_can_be_read(stored: float) -> None:
    assert ItemOut.of(Item(item_id="x", title="X", added_at=stored)).Timestamp == NEVER


@pytest.mark.parametrize(
    ("stored", "told"),
    [(None, NEVER), (0.0, "1970-01-01T00:00:00Z"), (clean_time("9999-12-31"), "9999-12-31T00:00:00Z")],
)
def test_times_as_go_writes_them(stored: float | None, told: str) -> None:
    assert told_time(stored) == told
