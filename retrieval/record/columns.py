"""All interactions as parallel columns."""

from __future__ import annotations

import numpy as np
from sqlalchemy import select

from retrieval.record.database import Database
from retrieval.record.schema import INTERACTIONS
from retrieval.record.types import InteractionColumns


def interaction_columns(database: Database) -> InteractionColumns:
    """Every interaction, for matrix work."""
    table = INTERACTIONS.c
    chosen = select(table.user_id, table.item_id, table.timestamp, table.liked)
    with database.read() as connection:
        rows = connection.execute(chosen.order_by(table.user_id, table.timestamp, table.item_id)).all()
    user_ids, item_ids = sorted({row[0] for row in rows}), sorted({row[1] for row in rows})
    users, items = ({key: i for i, key in enumerate(ids)} for ids in (user_ids, item_ids))
    n = len(rows)
    return InteractionColumns(
        user_ids=tuple(user_ids),
        item_ids=tuple(item_ids),
        user_index=np.fromiter((users[row[0]] for row in rows), np.int32, n),
        item_index=np.fromiter((items[row[1]] for row in rows), np.int32, n),
        timestamps=np.fromiter((row[2] for row in rows), np.float64, n),
        liked=np.fromiter((row[3] for row in rows), np.bool_, n),
    )
