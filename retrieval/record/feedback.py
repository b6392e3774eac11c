"""What users say of items, joined to the list that showed them; likes, dislikes and purchases become interactions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from retrieval.errors import ConflictError, InputError, NotFoundError
from retrieval.ids import Pair
from retrieval.record.database import Database
from retrieval.record.rows import interaction_values
from retrieval.record.schema import AD_SHOWS, FEEDBACK, INTERACTIONS, ITEMS, REQUESTS, USERS
from retrieval.record.shown import read_shown
from retrieval.record.types import Feedback, Taken
from retrieval.record.writing import commit_version, next_version, upsert
from retrieval.types import Interaction

TELLS_TASTE = {"like": True, "buy": True, "dislike": False}
"""The kinds that become an interaction, and whether it is a liked one."""


class FeedbackLog:
    """Feedback by its id, which the client chooses: sent twice, it counts once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def give(self, feedback: Feedback) -> Taken:
        """Store feedback and what follows from it, in one transaction.

        An interaction of the pair that is later than the feedback stays as it is. Raises NotFoundError for an unknown
        user, item or request, InputError where the list was another user's or did not hold the item at that rank,
        ConflictError where other feedback has the id.
        """
        with self._database.write() as connection:
            version = next_version(connection)  # also makes writers pass one at a time
            full = _attributed(connection, feedback)
            stored = connection.execute(
                select(FEEDBACK).where(FEEDBACK.c.feedback_id == feedback.feedback_id)
            ).one_or_none()
            if stored is not None:
                return Taken(feedback=_same(read_feedback(stored), full), repeated=True)
            _check_exists(connection, feedback)
            connection.execute(insert(FEEDBACK), asdict(full))
            if feedback.kind in TELLS_TASTE and _is_news(connection, feedback):
                values = interaction_values(
                    Interaction(
                        user_id=feedback.user_id,
                        item_id=feedback.item_id,
                        timestamp=feedback.timestamp,
                        liked=TELLS_TASTE[feedback.kind],
                    )
                )
                upsert(connection, INTERACTIONS, (values,), version)
                commit_version(connection, version)
        return Taken(feedback=full, repeated=False)

    def take_back(self, pair: Pair) -> int:
        """Delete all feedback of a user on an item; how much it was. An interaction that followed from it stays."""
        chosen = delete(FEEDBACK).where(FEEDBACK.c.user_id == pair.user_id, FEEDBACK.c.item_id == pair.item_id)
        with self._database.write() as connection:
            return connection.execute(chosen).rowcount

    def of_user(self, user_id: str) -> Sequence[Feedback]:
        """A user's feedback, oldest first."""
        chosen = select(FEEDBACK).where(FEEDBACK.c.user_id == user_id)
        with self._database.read() as connection:
            rows = connection.execute(chosen.order_by(FEEDBACK.c.timestamp, FEEDBACK.c.feedback_id)).all()
        return [read_feedback(row) for row in rows]

    def dismissed(self, user_id: str, before: float) -> frozenset[str]:
        """Items that a user dismissed before a time."""
        chosen = select(FEEDBACK.c.item_id).where(
            FEEDBACK.c.user_id == user_id, FEEDBACK.c.kind == "dismiss", FEEDBACK.c.timestamp < before
        )
        with self._database.read() as connection:
            return frozenset(connection.scalars(chosen))

    def dismissers(self, item_id: str, before: float) -> frozenset[str]:
        """Users who dismissed an item before a time."""
        chosen = select(FEEDBACK.c.user_id).where(
            FEEDBACK.c.item_id == item_id, FEEDBACK.c.kind == "dismiss", FEEDBACK.c.timestamp < before
        )
        with self._database.read() as connection:
            return frozenset(connection.scalars(chosen))


def read_feedback(row: Any) -> Feedback:
    """Feedback of a row that carries its columns."""
    return Feedback(
        feedback_id=row.feedback_id,
        user_id=row.user_id,
        item_id=row.item_id,
        kind=row.kind,
        timestamp=row.timestamp,
        request_id=row.request_id,
        rank=row.rank,
    )


def _attributed(connection: Connection, feedback: Feedback) -> Feedback:
    """With the rank that the named list tells."""
    if feedback.request_id is None:
        return feedback
    chosen = select(REQUESTS).where(REQUESTS.c.request_id == feedback.request_id)
    row = connection.execute(chosen).one_or_none()
    if row is None:
        raise NotFoundError(f"no list {feedback.request_id!r}: leave request_id out where no list was shown")
    shown = read_shown(row)
    if shown.user_id is not None and shown.user_id != feedback.user_id:
        raise InputError(f"list {shown.request_id!r} was shown to another user")
    if feedback.item_id not in shown.item_ids and _was_paid_for(connection, feedback):
        return feedback
    if feedback.item_id not in shown.item_ids:
        raise InputError(f"item {feedback.item_id!r} was not in list {shown.request_id!r}")
    rank = shown.item_ids.index(feedback.item_id) + 1
    if feedback.rank not in {None, rank}:
        raise InputError(f"item {feedback.item_id!r} was at rank {rank} of list {shown.request_id!r}, not elsewhere")
    return replace(feedback, rank=rank)


def _was_paid_for(connection: Connection, feedback: Feedback) -> bool:
    """Whether the item stood beside the list: it has a slot there, and no rank."""
    wanted = (AD_SHOWS.c.request_id == feedback.request_id, AD_SHOWS.c.item_id == feedback.item_id)
    if connection.scalar(select(AD_SHOWS.c.place).where(*wanted)) is None:
        return False
    if feedback.rank is not None:
        raise InputError(f"item {feedback.item_id!r} was paid for and has no rank: leave rank out")
    return True


def _same(stored: Feedback, given: Feedback) -> Feedback:
    # A client that names no time has the time of its first try.
    if replace(stored, timestamp=given.timestamp) != given:
        raise ConflictError(f"other feedback has the id {given.feedback_id!r}; choose a new id for new feedback")
    return stored


def _check_exists(connection: Connection, feedback: Feedback) -> None:
    for what, key, wanted in (("user", USERS.c.user_id, feedback.user_id), ("item", ITEMS.c.item_id, feedback.item_id)):
        if connection.scalar(select(key).where(key == wanted)) is None:
            raise NotFoundError(f"no {what} {wanted!r} in the store")


def _is_news(connection: Connection, feedback: Feedback) -> bool:
    stored = connection.scalar(
        select(INTERACTIONS.c.timestamp).where(
            INTERACTIONS.c.user_id == feedback.user_id, INTERACTIONS.c.item_id == feedback.item_id
        )
    )
    return stored is None or stored <= feedback.timestamp
