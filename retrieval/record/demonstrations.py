"""Derives demonstrations from interactions: what a user liked, and what they liked next.

A demonstration is one of a user's latest three liked interactions that has at least three liked ones strictly
before it, so that nothing shown before the choice can be the choice or later than it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, select, update

from retrieval.ids import Pair, split_pair_id
from retrieval.record.database import Database
from retrieval.record.rows import Values
from retrieval.record.schema import DEMONSTRATIONS, INTERACTIONS, STATE, TOMBSTONES
from retrieval.record.types import Choice
from retrieval.record.writing import chunks, commit_version, delete_pairs, next_version, upsert

LATEST = 3
LEAST_BEFORE = 3
MOST_BEFORE = 10
USERS_AT_ONCE = 500


def derive_demonstrations(database: Database) -> None:
    """Bring the demonstrations of all users whose interactions changed up to date.

    Works in transactions of a few hundred users, so other writers get their turn; one that is broken off is
    done again by the next call.
    """
    with database.read() as connection:
        state = connection.execute(select(STATE)).one()
        if state.version == state.demonstrations_of:
            return
        users = _changed_users(connection, state.demonstrations_of)
    for part in chunks(users, USERS_AT_ONCE):
        with database.write() as connection:
            _derive(connection, part)
    with database.write() as connection:
        # Derived rows raise the version too. Where nobody else wrote, there is nothing left to look at next time.
        now = connection.execute(select(STATE.c.version).with_for_update()).scalar_one()
        done = state.version if _changed_users(connection, state.version) else now
        connection.execute(update(STATE).values(demonstrations_of=done))


def choices_of(user_id: str, liked: Sequence[tuple[str, float]]) -> tuple[Choice, ...]:
    """A user's demonstrations, given their liked items and times, oldest first, ties by item id."""
    found = []
    for item_id, chosen_at in liked[-LATEST:]:
        before = [earlier for earlier, time in liked if time < chosen_at]
        if len(before) >= LEAST_BEFORE:
            before = before[-MOST_BEFORE:]
            found.append(Choice(user_id=user_id, item_id=item_id, chosen_at=chosen_at, before=tuple(before)))
    return tuple(found)


def _changed_users(connection: Connection, since: int) -> tuple[str, ...]:
    users = set(connection.scalars(select(INTERACTIONS.c.user_id).where(INTERACTIONS.c.version > since).distinct()))
    gone = select(TOMBSTONES.c.entry_id).where(TOMBSTONES.c.kind == "interactions", TOMBSTONES.c.version > since)
    users.update(split_pair_id(entry_id).user_id for entry_id in connection.scalars(gone))
    return tuple(sorted(users))


def _derive(connection: Connection, users: Sequence[str]) -> None:
    rows: dict[Pair, Values] = {}
    for user_id, liked in groupby(_liked(connection, users), key=lambda row: str(row.user_id)):
        for choice in choices_of(user_id, [(row.item_id, row.timestamp) for row in liked]):
            rows[Pair(user_id, choice.item_id)] = _values(choice)
    table = DEMONSTRATIONS.c
    stored = connection.execute(select(table.user_id, table.item_id).where(table.user_id.in_(users)))
    gone = [pair for pair in (Pair(*row) for row in stored) if pair not in rows]
    version = next_version(connection)
    written = upsert(connection, DEMONSTRATIONS, tuple(rows.values()), version)
    if delete_pairs(connection, DEMONSTRATIONS, gone, version) or written.inserted or written.updated:
        commit_version(connection, version)


def _liked(connection: Connection, users: Sequence[str]) -> Sequence[Any]:
    table = INTERACTIONS.c
    chosen = select(table.user_id, table.item_id, table.timestamp).where(table.user_id.in_(users), table.liked)
    return connection.execute(chosen.order_by(table.user_id, table.timestamp, table.item_id)).all()


def _values(choice: Choice) -> Values:
    return {
        "user_id": choice.user_id,
        "item_id": choice.item_id,
        "chosen_at": choice.chosen_at,
        "before": json.dumps(choice.before, ensure_ascii=False),
    }
