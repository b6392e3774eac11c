"""All interactions as parallel columns, read whole or brought up to date."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, select

from retrieval.ids import split_pair_id
from retrieval.record.database import Database
from retrieval.record.merging import merged
from retrieval.record.schema import FORGOTTEN, INTERACTIONS, STATE, TOMBSTONES
from retrieval.record.types import InteractionColumns


def interaction_columns(database: Database, known: InteractionColumns | None = None) -> InteractionColumns:
    """Every interaction, for matrix work.

    Of what is `known` already, only what changed since is read; `known` itself comes back where nothing did. Everything
    is read where the changes cannot be told: of another record, or where tombstones are gone.
    """
    table = INTERACTIONS.c
    chosen = select(table.user_id, table.item_id, table.timestamp, table.liked)
    with database.read() as connection:
        state = connection.execute(select(STATE)).one()
        if known is not None and (known.record_id, known.version) == (state.record_id, state.version):
            return known
        if known is None or known.record_id != state.record_id or not _followed(connection, known, state.version):
            ordered = chosen.order_by(table.user_id, table.timestamp, table.item_id)
            return _columns(state, connection.execute(ordered).all())
        # In no order: for that of the key, SQLite would scan the table instead of looking into the version's index.
        changed = _columns(state, connection.execute(chosen.where(table.version > known.version)).all())
        gone = select(TOMBSTONES.c.entry_id).where(
            TOMBSTONES.c.kind == INTERACTIONS.name, TOMBSTONES.c.version > known.version
        )
        deleted = [split_pair_id(entry_id) for entry_id in connection.scalars(gone)]
    return merged(known, changed, deleted)


def _followed(connection: Connection, known: InteractionColumns, version: int) -> bool:
    """Whether the record tells all that changed between the two versions."""
    forgotten = connection.scalar(select(func.max(TOMBSTONES.c.version)).where(TOMBSTONES.c.kind == FORGOTTEN))
    return known.version < version and (forgotten is None or forgotten <= known.version)


def _columns(state: Any, rows: Sequence[Any]) -> InteractionColumns:
    user_ids, item_ids = sorted({row[0] for row in rows}), sorted({row[1] for row in rows})
    users, items = ({key: i for i, key in enumerate(ids)} for ids in (user_ids, item_ids))
    n = len(rows)
    return InteractionColumns(
        record_id=state.record_id,
        version=state.version,
        read_at=state.version,
        user_ids=tuple(user_ids),
        item_ids=tuple(item_ids),
        user_index=np.fromiter((users[row[0]] for row in rows), np.int32, n),
        item_index=np.fromiter((items[row[1]] for row in rows), np.int32, n),
        timestamps=np.fromiter((row[2] for row in rows), np.float64, n),
        liked=np.fromiter((row[3] for row in rows), np.bool_, n),
    )
