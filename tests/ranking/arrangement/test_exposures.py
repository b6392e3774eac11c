from __future__ import annotations

from pathlib import Path

from ranking.arrangement.config import ExploreSettings
from ranking.arrangement.exposures import exposures
from retrieval.behaviour import SECONDS_A_DAY
from retrieval.record import Record
from retrieval.record.types import ShownList
from retrieval.types import Item

NOW = 1000 * SECONDS_A_DAY


def test_new_items_are_told_with_the_lists_they_were_in_and_whether_places_are_still_kept(tmp_path: Path) -> None:
    ages = {"hit": 2.0, "never": 1.0, "old": 40.0, "gone": 1.0, "future": -1.0, "undated": None}
    record = Record.open(str(tmp_path / "record.db"))
    record.put_items(
        [
            Item(
                item_id=name,
                title=name,
                added_at=None if age is None else NOW - age * SECONDS_A_DAY,
                expires_at=NOW - 1 if name == "gone" else None,
            )
            for name, age in ages.items()
        ]
    )
    for number in range(3):
        record.shown().log(
            ShownList(
                request_id=str(number),
                user_id=None,
                door="recommend",
                asked_at=NOW - 10 - number,
                item_ids=("hit", "old"),
                ranked_by="llm",
            )
        )
    found = exposures(record, ExploreSettings(within_days=30, shown_at_most=3), NOW)
    record.close()
    assert [(one.item.item_id, one.shown, one.still) for one in found] == [("never", 0, True), ("hit", 3, False)]
