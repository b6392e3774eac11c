"""Erasing a user: from the record, the index and the disk."""

from __future__ import annotations

from dataclasses import dataclass

from retrieval.errors import NotFoundError
from retrieval.ids import pair_id
from retrieval.record.types import ErasedList, ErasedRows
from retrieval.store import Store

_AT_SERVER = (
    "The index is at a server: its entries are deleted, and `chroma vacuum` there takes what they left off the disk."
)
_LOG_HELD = "A long read held the record's write-ahead log: it is emptied by the next erasure or start."


@dataclass(frozen=True, kw_only=True, slots=True)
class Erased:
    """What was removed."""

    user_id: str
    rows: ErasedRows
    index_entries: int
    """Entries of the index that were the user's: interactions and demonstrations."""
    notes: tuple[str, ...]
    """What is left to do and by whom; empty where nothing is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ErasedRequest:
    """What was removed of one list."""

    request_id: str
    rows: ErasedList
    notes: tuple[str, ...]
    """As in `Erased`."""


def erase_user(store: Store, user_id: str) -> Erased:
    """Remove a user and all that is theirs; afterwards their id and texts are nowhere in the data folder.

    Deletes the user's entries from the index and compacts its files, which takes as long as copying them. Broken off
    after the record, it goes on at the next start or call. Raises NotFoundError for an unknown user.
    """
    personal = store.record.personal()
    copy = personal.copy(user_id)
    if copy is None and user_id not in personal.pending():
        raise NotFoundError(f"no user {user_id!r} in the store")
    entries = 0
    if copy is not None:
        own = [pair_id(user_id, one.item_id) for one in copy.interactions]
        shown = [pair_id(user_id, one.item_id) for one in copy.demonstrations]
        entries = len(store.index.vectors("interactions", own)) + len(store.index.vectors("demonstrations", shown))
    rows = personal.delete([user_id])
    return Erased(user_id=user_id, rows=rows, index_entries=entries, notes=finish_erasures(store))


def erase_request(store: Store, request_id: str) -> ErasedRequest:
    """Remove a list and what the model was shown for it: all that is kept of a stranger's request.

    Raises NotFoundError where nothing of it is kept.
    """
    rows = store.record.shown().erase(request_id)
    if not rows.shown and not rows.prompts:
        raise NotFoundError(f"no list {request_id!r}")
    notes = () if store.record.checkpoint() else (_LOG_HELD,)
    return ErasedRequest(request_id=request_id, rows=rows, notes=notes)


def finish_erasures(store: Store) -> tuple[str, ...]:
    """Take what is left of deleted users off the index and the disk; quick where nothing is. Notes as in `Erased`."""
    personal = store.record.personal()
    pending = personal.pending()
    if not pending:
        return ()
    store.catch_up()
    notes = [] if store.scrub(pending) else [_AT_SERVER]
    personal.forget(pending)
    if not store.record.checkpoint():
        notes.append(_LOG_HELD)
    return tuple(notes)
