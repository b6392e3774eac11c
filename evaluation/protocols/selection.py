"""Which held-out entries are asked: rows, a shortest history, a sample of users."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from evaluation.data.types import HeldOut
from evaluation.errors import RunConfigError
from evaluation.protocols.config import LeaveOneOut, ProtocolConfig
from evaluation.protocols.targets import TargetRows

Part: TypeAlias = Literal["test", "validation"]
Places: TypeAlias = npt.NDArray[np.int64]
"""Positions in a sequence of held-out entries, ascending."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """What is asked, and what not."""

    places: Places
    short: int
    """Entries whose history is shorter than min_history."""
    note: str | None = None
    """What a reader must know: that there are fewer users than wanted."""


def select(held_out: Sequence[HeldOut], protocol: ProtocolConfig, part: Part, seed: int) -> Selection:
    """The entries to ask, in their own order. A user is sampled by a hash, so the others do not matter.

    Raises RunConfigError for rows that are not there, and for a part without entries.
    """
    if not len(held_out):
        raise RunConfigError(f"the split leaves no {part} cases{_why_none(protocol, part)}")
    places: Places = np.arange(len(held_out), dtype=np.int64)
    if part == "test" and protocol.rows is not None:
        first, stop = protocol.rows
        if stop > len(held_out):
            raise RunConfigError(f"rows: [{first}, {stop}] goes beyond the end: there are {len(held_out)} cases")
        places = places[first:stop]
    kept = _long_enough(held_out, places, protocol.min_history)
    short = len(places) - len(kept)
    places = kept
    wanted = protocol.users if part == "test" else protocol.validation_users
    if wanted is None:
        return Selection(places=places, short=short)
    people = list(_people(held_out, places))
    distinct = sorted(set(people), key=lambda person: (_hash(seed, part, person), person))
    if wanted >= len(distinct):
        fewer = part == "test" and wanted > len(distinct)
        note = f"users: {wanted} wanted, there are {len(distinct)}; all of them are asked" if fewer else None
        return Selection(places=places, short=short, note=note)
    chosen = frozenset(distinct[:wanted])
    mask = np.fromiter((person in chosen for person in people), dtype=np.bool_, count=len(people))
    return Selection(places=places[mask], short=short)


def _why_none(protocol: ProtocolConfig, part: Part) -> str:
    if not isinstance(protocol.split, LeaveOneOut):
        return "; choose another split, or larger shares"
    did = "liked" if protocol.target == "liked" else "took"
    what = "an item" if part == "test" else "two items"
    return (
        f": leave-one-out needs a user who {did} {what} after their first one, and nobody did; import more "
        "interactions, or choose another split"
    )


def _long_enough(held_out: Sequence[HeldOut], places: Places, least: int) -> Places:
    if not least:
        return places
    if isinstance(held_out, TargetRows):
        return places[held_out.history_lengths()[places] >= least]
    lengths = (len(held_out[place].history) for place in places.tolist())
    return places[np.fromiter(lengths, dtype=np.int64, count=len(places)) >= least]


def _people(held_out: Sequence[HeldOut], places: Places) -> Iterator[str]:
    """The user of every entry; a stranger is their case."""
    if isinstance(held_out, TargetRows):
        yield from map(held_out.user_at, places.tolist())
        return
    for place in places.tolist():
        held = held_out[place]
        yield held.case_id if held.user_id is None else held.user_id


def _hash(seed: int, part: Part, person: str) -> bytes:
    return hashlib.sha256(f"{seed}|users-{part}|{person}".encode()).digest()
