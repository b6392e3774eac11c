"""The system of record: items, users and interactions in SQL. What is committed here is acknowledged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.exc import IntegrityError

from retrieval.config import QuotaSettings
from retrieval.errors import NotFoundError, StoreError
from retrieval.ids import Pair
from retrieval.record.ads.ads import AdRecord
from retrieval.record.changes import ChangeFeed, IndexedRows
from retrieval.record.columns import interaction_columns
from retrieval.record.database import Database
from retrieval.record.demonstrations import derive_demonstrations
from retrieval.record.editing import change_row
from retrieval.record.expiry import Expiring, expire
from retrieval.record.facets import FacetReader
from retrieval.record.feedback import FeedbackLog
from retrieval.record.pages import Pages
from retrieval.record.personal import Personal
from retrieval.record.prompts import PromptLog
from retrieval.record.quotas import Quotas, count_rows
from retrieval.record.reading import read_histories, rows_by_ids
from retrieval.record.rows import (
    Values,
    interaction_values,
    item_values,
    read_interaction,
    read_item,
    read_user,
    user_values,
)
from retrieval.record.schema import DEMONSTRATIONS, INTERACTIONS, ITEMS, STATE, USERS
from retrieval.record.shown import ShownLists
from retrieval.record.types import Counts, InteractionColumns, Written
from retrieval.record.writing import (
    commit_version,
    delete_ids,
    delete_pairs,
    last_change,
    next_version,
    pairs_with,
    upsert,
)
from retrieval.types import Interaction, Item, PastItem, User


class Record:
    """Items, users and interactions, each with the version of its last change.

    Thread-safe; several processes may use one record. Every write is one transaction: it is stored whole or not at
    all, and it raises the version only where something changed. Raises StoreError when the database cannot be read
    or written, InputError for values that cannot be stored.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._facets = FacetReader(database)

    @classmethod
    def open(cls, url: str, quota: QuotaSettings | None = None) -> Record:
        """Open, make or migrate the record at an SQLAlchemy URL (sqlite or postgresql) or an SQLite file's path.

        Writes that would pass the quota raise QuotaError and change nothing.
        """
        return cls(Database.open(url, quota))

    @property
    def place(self) -> str:
        """Where the record is, without passwords, for messages."""
        return self._database.place

    def close(self) -> None:
        """Close all connections. Closing twice is fine."""
        self._database.close()

    # writing

    def put_items(self, items: Sequence[Item]) -> Written:
        """Insert or replace items."""
        return self._put(ITEMS, {item.item_id: item_values(item) for item in items})

    def put_users(self, users: Sequence[User]) -> Written:
        """Insert or replace users."""
        return self._put(USERS, {user.user_id: user_values(user) for user in users})

    def put_interactions(self, interactions: Sequence[Interaction]) -> Written:
        """Insert or replace interactions. NotFoundError names the first user or item that is not in the record."""
        rows = {Pair(one.user_id, one.item_id): interaction_values(one) for one in interactions}
        try:
            return self._put(INTERACTIONS, rows)
        except IntegrityError as error:
            if missing := self._missing(rows):
                raise NotFoundError(missing) from error
            raise StoreError(f"Record {self.place}: {error.orig}") from error

    def change_item(self, item_id: str, change: Callable[[Item], Item]) -> Item | None:
        """Replace an item by what `change` makes of it, in one transaction; None for an unknown one."""
        return change_row(self._database, ITEMS, (item_id,), read_item, change, item_values)

    def change_user(self, user_id: str, change: Callable[[User], User]) -> User | None:
        """The same for a user."""
        return change_row(self._database, USERS, (user_id,), read_user, change, user_values)

    def change_interaction(self, pair: Pair, change: Callable[[Interaction], Interaction]) -> Interaction | None:
        """The same for an interaction."""
        return change_row(self._database, INTERACTIONS, pair, read_interaction, change, interaction_values)

    def delete_items(self, item_ids: Sequence[str]) -> int:
        """Delete items with their interactions; returns how many of the ids were there."""
        with self._database.write() as connection:
            version = next_version(connection)
            for pairs in (DEMONSTRATIONS, INTERACTIONS):
                delete_pairs(connection, pairs, pairs_with(connection, pairs, "item_id", item_ids), version)
            if n := delete_ids(connection, ITEMS, item_ids, version):
                commit_version(connection, version)
        return n

    def delete_users(self, user_ids: Sequence[str]) -> int:
        """Delete users with all that is theirs; returns how many of the ids were there."""
        return self.personal().delete(user_ids).users

    def delete_interactions(self, pairs: Sequence[Pair]) -> int:
        """Delete interactions; returns how many of the pairs were there."""
        with self._database.write() as connection:
            version = next_version(connection)
            if n := delete_pairs(connection, INTERACTIONS, pairs, version):
                commit_version(connection, version)
        return n

    def expire_items(self, meant: Expiring, *, at: float, dry_run: bool = False) -> Sequence[str]:
        """Let many items expire at a time, see retrieval.record.expiry; returns their ids."""
        return expire(self._database, meant, at=at, dry_run=dry_run)

    # reading

    def items(self, ids: Iterable[str]) -> dict[str, Item]:
        """Items by id; unknown ids are absent. In the order of `ids`."""
        wanted = tuple(dict.fromkeys(ids))
        with self._database.read() as connection:
            found = {row.item_id: read_item(row) for row in rows_by_ids(connection, ITEMS, ITEMS.c.item_id, wanted)}
        return {item_id: found[item_id] for item_id in wanted if item_id in found}

    def users(self, ids: Iterable[str]) -> dict[str, User]:
        """Users by id; unknown ids are absent. In the order of `ids`."""
        wanted = tuple(dict.fromkeys(ids))
        with self._database.read() as connection:
            rows = rows_by_ids(connection, USERS, USERS.c.user_id, wanted)
            found = {row.user_id: read_user(row) for row in rows}
        return {user_id: found[user_id] for user_id in wanted if user_id in found}

    def user(self, user_id: str) -> User | None:
        """One user, or None."""
        return self.users((user_id,)).get(user_id)

    def interaction(self, user_id: str, item_id: str) -> Interaction | None:
        """One interaction, or None."""
        chosen = select(INTERACTIONS).where(INTERACTIONS.c.user_id == user_id, INTERACTIONS.c.item_id == item_id)
        with self._database.read() as connection:
            row = connection.execute(chosen).one_or_none()
        return None if row is None else read_interaction(row)

    def history(self, user_id: str, before: float | None = None) -> tuple[PastItem, ...]:
        """A user's interactions with timestamp < before (all for None), oldest first, ties by item id."""
        return self.histories((user_id,), before)[user_id]

    def histories(self, user_ids: Iterable[str], before: float | None = None) -> dict[str, tuple[PastItem, ...]]:
        """`history` of several users at once; every id is present, unknown ones with an empty history."""
        return read_histories(self._database, user_ids, before)

    def iter_items(self, batch: int = 1000) -> Iterator[Item]:
        """All items by id, read `batch` at a time; writes in between may or may not be seen."""
        return map(read_item, self.pages().all(ITEMS, batch))

    def iter_user_ids(self, batch: int = 1000) -> Iterator[str]:
        """All user ids, sorted, read `batch` at a time."""
        return (row.user_id for row in self.pages().all(USERS, batch))

    def iter_interactions(self, batch: int = 10_000) -> Iterator[Interaction]:
        """All interactions by user id and item id, read `batch` at a time."""
        return map(read_interaction, self.pages().all(INTERACTIONS, batch))

    def counts(self) -> Counts:
        """Number of rows."""
        with self._database.read() as connection:
            return Counts(
                items=count_rows(connection, ITEMS),
                users=count_rows(connection, USERS),
                interactions=count_rows(connection, INTERACTIONS),
            )

    def version(self) -> int:
        """Increases with every committed change; 0 for a new record."""
        with self._database.read() as connection:
            return int(connection.execute(select(STATE.c.version)).scalar_one())

    def interaction_columns(self, known: InteractionColumns | None = None) -> InteractionColumns:
        """All interactions as parallel columns; of what is `known` already, only what changed since is read."""
        return interaction_columns(self._database, known)

    def attribute_names(self) -> frozenset[str]:
        """Names of the attributes that at least one item has."""
        return self._facets.read().attribute_names

    def domains(self) -> frozenset[str]:
        """Domains that at least one item is in."""
        return self._facets.read().domains

    def last_item_change(self) -> int:
        """The version that last changed an item; 0 if there was none."""
        with self._database.read() as connection:
            return last_change(connection, ITEMS)

    # the service's side

    def pages(self) -> Pages:
        """Rows in the order of their keys."""
        return Pages(self._database)

    def shown(self) -> ShownLists:
        """The lists that were shown."""
        return ShownLists(self._database)

    def prompts(self) -> PromptLog:
        """What the model was shown for lists, where that is logged."""
        return PromptLog(self._database)

    def feedback(self) -> FeedbackLog:
        """What users did with what they were shown."""
        return FeedbackLog(self._database)

    def personal(self) -> Personal:
        """All that there is of one user."""
        return Personal(self._database)

    def ads(self) -> AdRecord:
        """Campaigns and what is charged to them."""
        return AdRecord(self._database)

    def quotas(self) -> Quotas:
        """How much may be stored, and how much is."""
        return Quotas(self._database)

    def checkpoint(self) -> bool:
        """Empty SQLite's write-ahead log, where deleted rows live on; whether that worked."""
        return self._database.checkpoint()

    # for the index

    def record_id(self) -> str:
        """Made once with the record: an index built from another record has another one."""
        with self._database.read() as connection:
            return str(connection.execute(select(STATE.c.record_id)).scalar_one())

    def refresh_demonstrations(self) -> None:
        """Bring the derived demonstrations up to date with the interactions; quick when nothing changed."""
        derive_demonstrations(self._database)

    def changes(self, since: int) -> ChangeFeed:
        """What changed after version `since`; everything for 0."""
        return ChangeFeed(self._database, since)

    def indexed(self) -> IndexedRows:
        """The rows that the index mirrors."""
        return IndexedRows(self._database)

    # inside

    def _put(self, table: Table, rows: dict[Any, Values]) -> Written:
        if not rows:
            return Written()
        with self._database.write() as connection:
            version = next_version(connection)
            written = upsert(connection, table, tuple(rows.values()), version)
            if written.inserted or written.updated:
                commit_version(connection, version)
        return written

    def _missing(self, pairs: Iterable[Pair]) -> str | None:
        wanted = tuple(pairs)
        users = self.users(pair.user_id for pair in wanted)
        items = self.items(pair.item_id for pair in wanted)
        for pair in wanted:
            for what, key, known in (("user", pair.user_id, users), ("item", pair.item_id, items)):
                if key not in known:
                    return f"Unknown {what} {key!r} in an interaction: import that {what} first. Nothing was written."
        return None
