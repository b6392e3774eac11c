"""What changed since a version: the index follows the record through this."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, func, select, tuple_, union

from retrieval.ids import Pair, pair_id
from retrieval.record.database import Database
from retrieval.record.rows import read_interaction
from retrieval.record.schema import DEMONSTRATIONS, INTERACTIONS, ITEMS, TOMBSTONES
from retrieval.record.types import Choice, IndexCounts, IndexedKind
from retrieval.record.writing import chunks
from retrieval.types import Interaction


class ChangeFeed:
    """Changes after one version, everything for 0. Ids are sorted.

    A row that changes again meanwhile comes in its newest form, and again in the next feed.
    """

    def __init__(self, database: Database, since: int) -> None:
        self._database = database
        self._since = since

    def deleted(self, kind: IndexedKind) -> tuple[str, ...]:
        """Ids of deleted entries (`pair_id` for pairs)."""
        chosen = select(TOMBSTONES.c.entry_id).where(TOMBSTONES.c.kind == kind, TOMBSTONES.c.version > self._since)
        return tuple(row[0] for row in self._rows(chosen.order_by(TOMBSTONES.c.entry_id)))

    def item_ids(self) -> tuple[str, ...]:
        """Inserted or updated items."""
        # Sorted here: asked for this order, SQLite would scan the table and not look into the index of versions.
        rows = self._rows(select(ITEMS.c.item_id).where(ITEMS.c.version > self._since))
        return tuple(sorted(row[0] for row in rows))

    def interaction_pairs(self) -> tuple[Pair, ...]:
        """Interactions that changed, or whose item did."""
        table = INTERACTIONS.c
        touched = _keys(INTERACTIONS).join(ITEMS, ITEMS.c.item_id == table.item_id)
        return self._pairs(INTERACTIONS, touched.where(*self._updated()))

    def demonstration_pairs(self) -> tuple[Pair, ...]:
        """Demonstrations that changed, or whose user knows an item that did."""
        users = select(INTERACTIONS.c.user_id).join(ITEMS, ITEMS.c.item_id == INTERACTIONS.c.item_id)
        touched = DEMONSTRATIONS.c.user_id.in_(users.where(*self._updated()))
        return self._pairs(DEMONSTRATIONS, _keys(DEMONSTRATIONS).where(touched))

    def _updated(self) -> tuple[ColumnElement[bool], ...]:
        # What depends on a new item is new itself; only items that were there before have older dependants.
        return (ITEMS.c.version > self._since, ITEMS.c.created <= self._since)

    def _pairs(self, table: Table, touched: Select[Any]) -> tuple[Pair, ...]:
        own = _keys(table).where(table.c.version > self._since)
        # From the start everything is new anyway, and the join would only cost time.
        both = own if self._since == 0 else select(union(own, touched).subquery())
        return tuple(sorted(Pair(*row) for row in self._rows(both)))

    def _rows(self, chosen: Select[Any]) -> Sequence[Any]:
        with self._database.read() as connection:
            return connection.execute(chosen).all()


class IndexedRows:
    """The record's rows as the index needs them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def interactions(self, pairs: Sequence[Pair]) -> tuple[Interaction, ...]:
        """Interactions by user and item, in no order; unknown pairs are absent."""
        return tuple(read_interaction(row) for row in self._by_pairs(INTERACTIONS, pairs))

    def choices(self, pairs: Sequence[Pair]) -> tuple[Choice, ...]:
        """Demonstrations by user and item, in no order; unknown pairs are absent."""
        return tuple(read_choice(row) for row in self._by_pairs(DEMONSTRATIONS, pairs))

    def entry_ids(self, kind: IndexedKind) -> frozenset[str]:
        """Ids of all entries that the index should hold."""
        table = {"items": ITEMS, "interactions": INTERACTIONS, "demonstrations": DEMONSTRATIONS}[kind]
        with self._database.read() as connection:
            rows = connection.execute(select(*table.primary_key.columns)).all()
        return frozenset(row[0] if len(row) == 1 else pair_id(*row) for row in rows)

    def counts(self) -> IndexCounts:
        """How many entries the index should hold."""
        with self._database.read() as connection:
            return IndexCounts(
                items=_count(connection, ITEMS),
                interactions=_count(connection, INTERACTIONS),
                demonstrations=_count(connection, DEMONSTRATIONS),
            )

    def _by_pairs(self, table: Table, pairs: Iterable[Pair]) -> list[Any]:
        key = tuple_(table.c.user_id, table.c.item_id)
        found: list[Any] = []
        with self._database.read() as connection:
            for part in chunks(tuple(pairs)):
                found.extend(connection.execute(select(table).where(key.in_(part))))
        return found


def read_choice(row: Any) -> Choice:
    """Choice of a row that carries the demonstration columns."""
    return Choice(
        user_id=row.user_id, item_id=row.item_id, chosen_at=row.chosen_at, before=tuple(json.loads(row.before))
    )


def _keys(table: Table) -> Select[Any]:
    return select(table.c.user_id, table.c.item_id)


def _count(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())
