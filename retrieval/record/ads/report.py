"""What campaigns did, over days, and what users did who may see them."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import func, select

from retrieval.campaigns import SECONDS_A_DAY
from retrieval.record.ads.types import Span, Spent
from retrieval.record.database import Database
from retrieval.record.schema import AD_DAYS, CAMPAIGNS, INTERACTIONS, REQUESTS


class AdReport:
    """Reads only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def spent(self, span: Span) -> Mapping[str, Spent]:
        """What each campaign did in these days, by id; those that did nothing are absent."""
        table = AD_DAYS.c
        sums = [func.sum(column) for column in (table.spent, table.shown, table.clicked, table.uncharged)]
        chosen = select(table.campaign_id, *sums).where(table.day.between(span.first, span.last))
        with self._database.read() as connection:
            # A campaign that stood ready behind others has a row too.
            did = chosen.group_by(table.campaign_id).having(func.sum(table.shown + table.clicked) > 0)
            rows = connection.execute(did.order_by(table.campaign_id)).all()
        return {
            row[0]: Spent(spent=int(row[1]), shown=int(row[2]), clicked=int(row[3]), uncharged=int(row[4]))
            for row in rows
        }

    def asking_users(self, span: Span) -> tuple[str, ...]:
        """Users who were given at least one list in these days, sorted."""
        start, end = span.first * SECONDS_A_DAY, (span.last + 1) * SECONDS_A_DAY
        chosen = select(REQUESTS.c.user_id).where(
            REQUESTS.c.user_id.is_not(None), REQUESTS.c.asked_at >= start, REQUESTS.c.asked_at < end
        )
        with self._database.read() as connection:
            return tuple(connection.scalars(chosen.distinct().order_by(REQUESTS.c.user_id)))

    def taking_users(self, span: Span) -> frozenset[str]:
        """Users who took a campaign's item (a liked interaction) in these days, however they came to it."""
        start, end = span.first * SECONDS_A_DAY, (span.last + 1) * SECONDS_A_DAY
        chosen = select(INTERACTIONS.c.user_id).where(
            INTERACTIONS.c.item_id.in_(select(CAMPAIGNS.c.item_id)),
            INTERACTIONS.c.liked,
            INTERACTIONS.c.timestamp >= start,
            INTERACTIONS.c.timestamp < end,
        )
        with self._database.read() as connection:
            return frozenset(connection.scalars(chosen.distinct()))
