"""Twelve films, questions about them, and a store of scores in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evaluation.types import Case
from retrieval.types import Item, PastItem

ITEMS = {f"f{number}": Item(item_id=f"f{number}", title=f"Film {number}", domain="films") for number in range(12)}


def case(*candidates: int, history: Sequence[int] = (0, 1), user: str | None = "ann", **more: Any) -> Case:
    return Case(
        case_id="c",
        user_id=user,
        history=tuple(PastItem(item=ITEMS[f"f{one}"], timestamp=float(at)) for at, one in enumerate(history)),
        candidates=tuple(ITEMS[f"f{one}"] for one in candidates),
        **({"target": f"f{candidates[0]}"} | more),
    )


class Shelf:
    """FAKE byte store in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        return {key: self.kept[key] for key in keys if key in self.kept}

    def put_many(self, values: Mapping[str, bytes]) -> None:
        self.kept |= values
