"""All that the record holds of one user: a copy of it, and its end."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, and_, delete, or_, select

from retrieval.ids import SEPARATOR
from retrieval.record.ads.charges import read_show
from retrieval.record.changes import read_choice
from retrieval.record.database import Database
from retrieval.record.feedback import read_feedback
from retrieval.record.prompts import erase_prompts, read_prompts
from retrieval.record.rows import read_interaction, read_user
from retrieval.record.schema import (
    AD_SHOWS,
    DEMONSTRATIONS,
    FEEDBACK,
    INTERACTIONS,
    PROMPTS,
    REQUESTS,
    TOMBSTONES,
    USERS,
)
from retrieval.record.shown import read_shown
from retrieval.record.types import ErasedRows, PersonalCopy
from retrieval.record.writing import (
    chunks,
    commit_version,
    delete_ids,
    delete_pairs,
    mark_forgotten,
    next_version,
    pairs_with,
)


class Personal:
    """Export and erasure."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def copy(self, user_id: str) -> PersonalCopy | None:
        """Everything of a user as of one moment; None for an unknown one."""
        with self._database.read() as connection:
            user = connection.execute(select(USERS).where(USERS.c.user_id == user_id)).one_or_none()
            if user is None:
                return None
            interactions, choices, shown, feedback, sponsored, prompts = (
                connection.execute(select(table).where(table.c.user_id == user_id).order_by(*order)).all()
                for table, order in (
                    (INTERACTIONS, (INTERACTIONS.c.timestamp, INTERACTIONS.c.item_id)),
                    (DEMONSTRATIONS, (DEMONSTRATIONS.c.chosen_at, DEMONSTRATIONS.c.item_id)),
                    (REQUESTS, (REQUESTS.c.asked_at, REQUESTS.c.request_id)),
                    (FEEDBACK, (FEEDBACK.c.timestamp, FEEDBACK.c.feedback_id)),
                    (AD_SHOWS, (AD_SHOWS.c.shown_at, AD_SHOWS.c.request_id, AD_SHOWS.c.place)),
                    (PROMPTS, (PROMPTS.c.asked_at, PROMPTS.c.request_id)),
                )
            )
        return PersonalCopy(
            user=read_user(user),
            interactions=tuple(read_interaction(row) for row in interactions),
            demonstrations=tuple(read_choice(row) for row in choices),
            shown=tuple(read_shown(row) for row in shown),
            feedback=tuple(read_feedback(row) for row in feedback),
            sponsored=tuple(read_show(row) for row in sponsored),
            prompts=tuple(read_prompts(row) for row in prompts),
        )

    def delete(self, user_ids: Sequence[str]) -> ErasedRows:
        """Delete users with all that is theirs, in one transaction.

        Only tombstones keep their ids, for the index to follow; `forget` removes these too.
        """
        with self._database.write() as connection:
            version = next_version(connection)
            _hold(connection, user_ids)
            feedback, shown, sponsored = (
                sum(connection.execute(delete(table).where(table.c.user_id.in_(part))).rowcount for part in parts)
                for table, parts in ((table, chunks(user_ids)) for table in (FEEDBACK, REQUESTS, AD_SHOWS))
            )
            prompts = sum(erase_prompts(connection, part) for part in chunks(user_ids))
            demonstrations, interactions = (
                delete_pairs(connection, table, pairs_with(connection, table, "user_id", user_ids), version)
                for table in (DEMONSTRATIONS, INTERACTIONS)
            )
            if users := delete_ids(connection, USERS, user_ids, version):
                commit_version(connection, version)
        return ErasedRows(
            users=users,
            interactions=interactions,
            demonstrations=demonstrations,
            shown=shown,
            feedback=feedback,
            sponsored=sponsored,
            prompts=prompts,
        )

    def pending(self) -> tuple[str, ...]:
        """Deleted users of whom tombstones are left."""
        with self._database.read() as connection:
            chosen = select(TOMBSTONES.c.entry_id).where(TOMBSTONES.c.kind == USERS.name)
            return tuple(connection.scalars(chosen.order_by(TOMBSTONES.c.entry_id)))

    def forget(self, user_ids: Sequence[str]) -> None:
        """Delete the tombstones of deleted users: to be called when no index holds anything of them any more."""
        key = TOMBSTONES.c.entry_id
        with self._database.write() as connection:
            next_version(connection)  # makes writers pass one at a time
            for user_id in user_ids:
                # Ids of pairs begin with the user's; the character after the separator ends their range.
                of_pairs = and_(key >= user_id + SEPARATOR, key < user_id + chr(ord(SEPARATOR) + 1))
                kinds = (INTERACTIONS.name, DEMONSTRATIONS.name)
                theirs = or_(
                    and_(TOMBSTONES.c.kind == USERS.name, key == user_id),
                    and_(TOMBSTONES.c.kind.in_(kinds), of_pairs),
                )
                mark_forgotten(connection, theirs)
                connection.execute(delete(TOMBSTONES).where(theirs))


def _hold(connection: Connection, user_ids: Sequence[str]) -> None:
    """Locks the users, so that nobody logs a list for one while they go (SQLite has one writer anyway)."""
    for part in chunks(user_ids):
        connection.execute(select(USERS.c.user_id).where(USERS.c.user_id.in_(part)).with_for_update()).all()
