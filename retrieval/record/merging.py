"""Columns of interactions brought up to date by what changed, at the cost of copying arrays. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from itertools import compress
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from retrieval.ids import Pair
from retrieval.record.types import InteractionColumns

T = TypeVar("T", bound=np.generic)
Places = npt.NDArray[np.int32]


def merged(known: InteractionColumns, changed: InteractionColumns, deleted: Sequence[Pair]) -> InteractionColumns:
    """`known` without the `deleted` interactions, those of `changed`, in any order, put in; the version is theirs.

    Neither argument is altered. Where nothing changed, the arrays of `known` are shared.
    """
    if not len(changed.user_index) and not deleted:
        return replace(known, version=changed.version)
    user_ids, old_users, new_users = _joined(known.user_ids, known.user_index, changed.user_ids, changed.user_index)
    item_ids, old_items, new_items = _joined(known.item_ids, known.item_index, changed.item_ids, changed.item_index)
    gone_users, gone_items = _places(deleted, user_ids, item_ids)
    stale_users = np.concatenate([new_users, gone_users])
    stale = _codes(stale_users, np.concatenate([new_items, gone_items]), len(item_ids))
    # All rows of the users concerned are sorted anew; those of all others stay in order around them.
    taken = _rows_of(old_users, np.unique(stale_users))
    kept = taken[~np.isin(_codes(old_users[taken], old_items[taken], len(item_ids)), stale)]
    users = np.concatenate([old_users[kept], new_users])
    items = np.concatenate([old_items[kept], new_items])
    times = np.concatenate([known.timestamps[kept], changed.timestamps])
    order = np.lexsort((items, times, users))
    others = np.delete(old_users, taken)
    at = np.searchsorted(others, users[order])

    def spliced(old: npt.NDArray[T], new: npt.NDArray[T]) -> npt.NDArray[T]:
        return np.insert(np.delete(old, taken), at, new[order])

    user_ids, user_index = _used(user_ids, np.insert(others, at, users[order]))
    item_ids, item_index = _used(item_ids, spliced(old_items, items))
    return replace(
        changed,
        read_at=known.read_at,
        user_ids=user_ids,
        item_ids=item_ids,
        user_index=user_index,
        item_index=item_index,
        timestamps=spliced(known.timestamps, times),
        liked=spliced(known.liked, np.concatenate([known.liked[kept], changed.liked])),
    )


def _joined(
    old_ids: tuple[str, ...], old: Places, new_ids: tuple[str, ...], new: Places
) -> tuple[tuple[str, ...], Places, Places]:
    """All ids, sorted, and both columns as places in them."""
    at = [bisect_left(old_ids, key) for key in new_ids]
    fresh = [not (place < len(old_ids) and old_ids[place] == key) for place, key in zip(at, new_ids, strict=True)]
    into = (np.array(at) + np.cumsum(fresh) - fresh).astype(np.int32)
    if not any(fresh):
        return old_ids, old, into[new]
    before = np.searchsorted(np.array(at)[fresh], np.arange(len(old_ids)), side="right")
    moved = (np.arange(len(old_ids)) + before).astype(np.int32)
    return tuple(sorted((*old_ids, *compress(new_ids, fresh)))), moved[old], into[new]


def _places(pairs: Sequence[Pair], user_ids: tuple[str, ...], item_ids: tuple[str, ...]) -> tuple[Places, Places]:
    """Where the users and items of these pairs stand; pairs with an unknown one are left out."""
    users, items = (
        np.array([bisect_left(ids, pair[at]) for pair in pairs], dtype=np.int32)
        for at, ids in enumerate((user_ids, item_ids))
    )
    known = [
        user < len(user_ids) and item < len(item_ids) and (user_ids[user], item_ids[item]) == pair
        for user, item, pair in zip(users, items, pairs, strict=True)
    ]
    return users[np.array(known, dtype=bool)], items[np.array(known, dtype=bool)]


def _codes(users: Places, items: Places, n_items: int) -> npt.NDArray[np.int64]:
    """One number for each pair."""
    return users.astype(np.int64) * n_items + items


def _rows_of(sorted_users: Places, wanted: Places) -> npt.NDArray[np.intp]:
    starts, ends = (np.searchsorted(sorted_users, wanted, side=side) for side in ("left", "right"))
    return np.concatenate([np.arange(0), *map(np.arange, starts, ends)])


def _used(ids: tuple[str, ...], index: Places) -> tuple[tuple[str, ...], Places]:
    """The ids that occur in the index, which comes to point into these."""
    used = np.bincount(index, minlength=len(ids)) > 0
    if used.all():
        return ids, index
    return tuple(compress(ids, used)), (np.cumsum(used) - 1).astype(np.int32)[index]
