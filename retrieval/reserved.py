"""Places among the candidates that are kept for some items, whatever the sources say. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from retrieval.fuse import Joined
from retrieval.types import Vote


@dataclass(frozen=True, kw_only=True, slots=True)
class Reserved:
    """Items that places are kept for."""

    source: str
    """Stands in the votes of those who got a place by it."""
    item_ids: Sequence[str]
    """The first ones that may come back get the places."""
    places: int
    """Wanted, so that ranking has a choice."""
    least: int
    """Promised: so many even where there are too few places for a choice."""


def with_reserved(
    joined: Sequence[Joined], n: int, reserved: Sequence[Reserved], keep: Callable[[str], bool]
) -> list[Joined]:
    """At most n items: the best ones, behind them those that are here for a reserved place alone.

    `joined` holds the best ones, best first. `keep` says which of the reserved items may come back. Where more
    places are wanted than the best leave and than half of n, every kind gets its part of these, and at least what it
    was promised; where there is no room for all the promises, the first ones count.
    """
    best = {entry.item_id for entry in joined}
    wanted, room = sum(kind.places for kind in reserved), max(n // 2, n - len(joined))
    found: dict[str, Vote] = {}
    for kind in reserved:
        places = kind.places if wanted <= room else max(kind.least, kind.places * room // wanted)
        for rank, item_id in enumerate(itertools.islice(filter(keep, kind.item_ids), places), start=1):
            found.setdefault(item_id, Vote(source=kind.source, rank=rank, score=1 / rank))
    chosen = dict(itertools.islice(found.items(), n))
    added = [Joined(item_id=key, score=0.0, votes=(vote,)) for key, vote in chosen.items() if key not in best]
    too_many = max(0, len(joined) + len(added) - n)
    left_out = [entry.item_id for entry in reversed(joined) if entry.item_id not in chosen][:too_many]
    return [*(entry for entry in joined if entry.item_id not in left_out), *added]
