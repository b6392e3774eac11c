"""A small shop for the baselines' tests: two tastes, eight items each, users who keep to one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from evaluation.types import Case, Training
from retrieval.types import Item, PastItem

COLOURS = ("red", "blue")
SHAPES = ("cube", "ball", "cone", "ring", "star", "disc", "tube", "knot")
ITEMS = {
    f"{colour}-{shape}": Item(item_id=f"{colour}-{shape}", title=f"A {colour} {shape}")
    for colour in COLOURS
    for shape in SHAPES
}
DAY = 86_400.0


def training(
    interactions: Sequence[tuple[str, str, float, float | None]],
    *,
    items: dict[str, Item] | None = None,
    vectors: Mapping[str, tuple[float, ...]] | None = None,
) -> Training:
    """Training data of (user, item, time, rating) in any order. Items without a given vector get zeros."""
    catalogue = dict(sorted((items or ITEMS).items()))
    rows = sorted(interactions, key=lambda row: (row[0], row[2], row[1]))
    item_ids = tuple(catalogue)
    user_ids = tuple(sorted({row[0] for row in rows}))
    width = len(next(iter(vectors.values()))) if vectors else 2
    table = [(vectors or {}).get(item_id, (0.0,) * width) for item_id in item_ids]
    return Training(
        items=catalogue,
        item_ids=item_ids,
        user_ids=user_ids,
        user_index=np.array([user_ids.index(row[0]) for row in rows], dtype=np.int32),
        item_index=np.array([item_ids.index(row[1]) for row in rows], dtype=np.int32),
        timestamps=np.array([row[2] for row in rows], dtype=np.float64),
        liked=np.array([row[3] is None or row[3] >= 4 for row in rows], dtype=np.bool_),
        ratings=np.array([np.nan if row[3] is None else row[3] for row in rows], dtype=np.float64),
        vectors=np.array(table, dtype=np.float32).reshape(len(item_ids), width),
    )


def past(*item_ids: str, rating: float | None = None, liked: bool = True) -> tuple[PastItem, ...]:
    """A history of the items, oldest first; ids that the shop lacks are items of the same title."""
    return tuple(
        PastItem(item=item(item_id), timestamp=float(place), liked=liked, rating=rating)
        for place, item_id in enumerate(item_ids)
    )


def item(item_id: str) -> Item:
    """The shop's item, or one that it does not know."""
    return ITEMS.get(item_id, Item(item_id=item_id, title=item_id))


def case(
    case_id: str,
    candidates: Sequence[str],
    *,
    history: tuple[PastItem, ...] = (),
    user: str | None = None,
    target: str | None = None,
    scenario: str = "full",
) -> Case:
    """A ranking case."""
    return Case(
        case_id=case_id,
        user_id=user,
        history=history,
        candidates=tuple(item(item_id) for item_id in candidates),
        target=target,
        scenario=scenario,
    )


def tastes(*, rated: bool, n_users: int = 24) -> Training:
    """Half the users take red things and half blue ones, five each; with ratings, even shapes are liked better."""
    random = np.random.default_rng(7)
    rows: list[tuple[str, str, float, float | None]] = []
    for user in range(n_users):
        colour = COLOURS[user % 2]
        for place, shape in enumerate(random.permutation(len(SHAPES))[:5].tolist()):
            rating = float(4 + user % 2 - 2 * (shape % 2)) if rated else None
            rows.append((f"u{user:02}", f"{colour}-{SHAPES[shape]}", place * DAY + user, rating))
    vectors = {
        f"{colour}-{shape}": tuple(np.eye(2 + len(SHAPES))[which] * 0.8 + np.eye(2 + len(SHAPES))[2 + place] * 0.6)
        for which, colour in enumerate(COLOURS)
        for place, shape in enumerate(SHAPES)
    }
    return training(rows, vectors=vectors)


def validation(n_cases: int = 20) -> list[Case]:
    """Cases whose target is of the history's colour, among as many of the other."""
    random = np.random.default_rng(3)
    cases = []
    for number in range(n_cases):
        mine, other = COLOURS[number % 2], COLOURS[1 - number % 2]
        shapes = [SHAPES[place] for place in random.permutation(len(SHAPES))]
        wanted = f"{mine}-{shapes[0]}"
        rivals = [f"{other}-{shape}" for shape in shapes[1:4]]
        history = past(f"{mine}-{shapes[5]}", f"{mine}-{shapes[6]}")
        cases.append(case(f"v{number}", [rivals[0], wanted, *rivals[1:]], history=history, target=wanted))
    return cases
