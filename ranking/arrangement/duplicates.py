"""Items that say the same: one story told by several outlets, one film twice in the catalogue. Pure."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from ranking.arrangement.config import DuplicateSettings
from retrieval.protocol import Vectors
from retrieval.types import Item

_WORD = re.compile(r"\w+")
_RUN = 3


def duplicates(
    items: Sequence[Item], known: Sequence[Item], vectors: Mapping[str, Vectors], settings: DuplicateSettings
) -> dict[str, Item]:
    """By the id of an item that is to go, the one that stays and says the same: one of `known`, or an item before it.

    Two items are the same where the cosine of their vectors or the Jaccard index of their shingles reaches its
    threshold. Of a chain, in which only neighbours are the same, every second one may stay.
    """
    found: dict[str, Item] = {}
    kept: list[Item] = []
    holders: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    sizes: list[int] = []
    for place, item in enumerate((*known, *items)):
        runs = shingles(item)
        like = _nearest(item, kept, vectors, settings.cosine) or _same_words(runs, kept, holders, sizes, settings)
        if like is not None and place >= len(known):
            found[item.item_id] = like
            continue
        for run in runs:
            holders[run].append(len(kept))
        kept.append(item)
        sizes.append(len(runs))
    return found


def shingles(item: Item) -> frozenset[tuple[str, ...]]:
    """Runs of three words of title and description, without case; of a shorter text the whole."""
    words = _WORD.findall(f"{item.title} {item.description or ''}".casefold())
    return (
        frozenset(tuple(words[at : at + _RUN]) for at in range(max(1, len(words) - _RUN + 1))) if words else frozenset()
    )


def _nearest(item: Item, kept: Sequence[Item], vectors: Mapping[str, Vectors], least: float) -> Item | None:
    own = vectors.get(item.item_id)
    if own is None:
        return None
    return next(
        (other for other in kept if (there := vectors.get(other.item_id)) is not None and float(own @ there) >= least),
        None,
    )


def _same_words(
    runs: frozenset[tuple[str, ...]],
    kept: Sequence[Item],
    holders: Mapping[tuple[str, ...], Sequence[int]],
    sizes: Sequence[int],
    settings: DuplicateSettings,
) -> Item | None:
    shared = Counter(place for run in runs if run in holders for place in holders[run])
    for place, n in sorted(shared.items()):
        if n / (len(runs) + sizes[place] - n) >= settings.shingles:
            return kept[place]
    return None
