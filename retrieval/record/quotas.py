"""How much a store may take, and how much of it is taken."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Table, delete, func, insert, select, update

from retrieval.campaigns import SECONDS_A_DAY, day_of
from retrieval.config import QuotaSettings
from retrieval.errors import QuotaError
from retrieval.record.database import Database
from retrieval.record.schema import INTERACTIONS, ITEMS, REQUEST_DAYS, STATE, USERS


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """What is taken of the quota."""

    items: int
    users: int
    interactions: int
    requests: int
    """Of the day, where a quota counts them."""


class Quotas:
    """The quota of a record. Rows are held to it where they are written, see `check_quota`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def allowed(self) -> QuotaSettings:
        """How much the store may take."""
        return self._database.quota

    def taken(self, now: float) -> Taken:
        """How much it has taken, and how many requests were counted on the day of `now`."""
        with self._database.read() as connection:
            return Taken(
                items=count_rows(connection, ITEMS),
                users=count_rows(connection, USERS),
                interactions=count_rows(connection, INTERACTIONS),
                requests=_requests(connection, day_of(now)) or 0,
            )

    def request(self, now: float) -> int | None:
        """Counts a request; None where it is allowed, else the seconds (at least 1) until the next day begins, UTC.

        Where requests have no quota, nothing is counted.
        """
        most, day = self._database.quota.requests_per_day, day_of(now)
        if most is None:
            return None
        with self._database.write() as connection:
            # Both databases let writers pass one at a time, so that nobody counts twice up to the same number.
            connection.execute(select(STATE.c.id).with_for_update())
            n = _requests(connection, day)
            if (n or 0) >= most:
                return max(1, int((day + 1) * SECONDS_A_DAY - now))
            if n is None:
                connection.execute(delete(REQUEST_DAYS))
                connection.execute(insert(REQUEST_DAYS), {"day": day, "n": 1})
            else:
                connection.execute(update(REQUEST_DAYS).where(REQUEST_DAYS.c.day == day).values(n=n + 1))
        return None


def check_quota(connection: Connection, table: Table) -> None:
    """Raises QuotaError where the table holds more rows than the quota of the connection's database allows.

    To be called in the transaction that wrote, which the error undoes: writers pass one at a time, so it is exact.
    """
    quota = connection.get_execution_options().get("fewrec_quota")
    kinds = QuotaSettings.model_fields if isinstance(quota, QuotaSettings) else ()
    most = getattr(quota, table.name) if table.name in kinds else None
    if most is not None and count_rows(connection, table) > most:
        told = f"quota of {table.name}: {most} are allowed, and this would be more"
        raise QuotaError(f"{told}; this write is undone, what was stored before it stays")


def count_rows(connection: Connection, table: Table) -> int:
    """How many rows a table has."""
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def _requests(connection: Connection, day: int) -> int | None:
    return connection.scalar(select(REQUEST_DAYS.c.n).where(REQUEST_DAYS.c.day == day))
