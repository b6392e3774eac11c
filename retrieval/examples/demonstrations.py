"""Selects other users' choices: whose taste was like the user's, and what did they choose next."""

from __future__ import annotations

from retrieval.config import ExampleSettings
from retrieval.geometry import mean_direction
from retrieval.ids import split_pair_id
from retrieval.protocol import VectorIndex
from retrieval.record import Record
from retrieval.sources.similarity import liked_recent
from retrieval.types import Demonstration, Retrieved

_LOOKED_AT_PER_SHOT = 25
_PAST_COMPARED = 10


def nearest_demonstrations(
    retrieved: Retrieved, record: Record, index: VectorIndex, settings: ExampleSettings
) -> list[Demonstration]:
    """At most settings.shots demonstrations, nearest first, at most one per user, never of the user themselves.

    Each choice lies before retrieved.as_of, and none is of a candidate: naming one in the prompt would favour it. A
    user who liked nothing gets none.
    """
    liked = [past.item.item_id for past in liked_recent(retrieved.history, _PAST_COMPARED)]
    vectors = index.vectors("items", liked) if settings.shots else {}
    centre = mean_direction([vectors[item_id] for item_id in liked if item_id in vectors])
    if centre is None:
        return []
    offered = {candidate.item.item_id for candidate in retrieved.candidates}
    taken = set() if retrieved.user is None else {retrieved.user.user_id}
    found: list[Demonstration] = []
    [hits] = index.nearest("demonstrations", centre[None], settings.shots * _LOOKED_AT_PER_SHOT)
    for hit in hits:
        pair = split_pair_id(hit.id)
        if pair.user_id in taken or pair.item_id in offered:
            continue
        demonstration = _load(hit.id, record, retrieved.as_of, settings.history_length)
        if demonstration is not None:
            found.append(demonstration)
            taken.add(pair.user_id)
        if len(found) == settings.shots:
            break
    return found


def _load(entry_id: str, record: Record, as_of: float, length: int) -> Demonstration | None:
    """None where the choice is not before as_of, is gone from the record or disliked by now, or has no liked past."""
    user_id, item_id = split_pair_id(entry_id)
    choice = record.interaction(user_id, item_id)
    if choice is None or not choice.liked or choice.timestamp >= as_of:
        return None
    past = [one for one in record.history(user_id, choice.timestamp) if one.liked][-length:] if length else []
    chosen = record.items([item_id]).get(item_id)
    if not past or chosen is None:
        return None
    return Demonstration(
        demonstration_id=entry_id,
        user_id=user_id,
        history=tuple(past),
        chosen=chosen,
        chosen_at=choice.timestamp,
    )
