"""Campaigns by id. They are no part of what the index mirrors: they raise a version of their own."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, delete, select, update

from retrieval.campaigns import Campaign, check_campaign
from retrieval.errors import NotFoundError, StoreError
from retrieval.filters import Equals, Filter, In, Not, Range
from retrieval.record.database import Database
from retrieval.record.rows import Values, check_id, checked_text
from retrieval.record.schema import CAMPAIGNS, ITEMS, STATE
from retrieval.record.types import Written
from retrieval.record.writing import chunks, upsert

_KINDS: dict[str, type[Any]] = {"equals": Equals, "in": In, "range": Range}


class Campaigns:
    """Reads and writes campaigns; each write is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, campaigns: Sequence[Campaign]) -> Written:
        """Insert or replace campaigns. Raises InputError for one that cannot run, NotFoundError for an unknown item."""
        rows = {one.campaign_id: _values(one) for one in campaigns}
        if not rows:
            return Written()
        with self._database.write() as connection:
            version = _next_version(connection)
            _check_items(connection, campaigns)
            written = upsert(connection, CAMPAIGNS, tuple(rows.values()), version)
            if written.inserted or written.updated:
                _commit_version(connection, version)
        return written

    def change(self, campaign_id: str, change: Callable[[Campaign], Campaign]) -> Campaign:
        """Replace a campaign by what `change` makes of it, in one transaction. Raises NotFoundError."""
        with self._database.write() as connection:
            version = _next_version(connection)
            changed = change(_campaign(connection, campaign_id))
            values = _values(changed)
            _check_items(connection, (changed,))
            if upsert(connection, CAMPAIGNS, (values,), version).updated:
                _commit_version(connection, version)
        return changed

    def delete(self, campaign_id: str) -> None:
        """Delete a campaign; what it spent stays on record. Raises NotFoundError."""
        with self._database.write() as connection:
            version = _next_version(connection)
            if not connection.execute(delete(CAMPAIGNS).where(CAMPAIGNS.c.campaign_id == campaign_id)).rowcount:
                raise _unknown(campaign_id)
            _commit_version(connection, version)

    def get(self, campaign_id: str) -> Campaign:
        """One campaign. Raises NotFoundError."""
        with self._database.read() as connection:
            return _campaign(connection, campaign_id)

    def page(self, after: str | None, limit: int) -> tuple[Campaign, ...]:
        """At most `limit` campaigns after an id (None is the start), by id."""
        chosen = select(CAMPAIGNS).order_by(CAMPAIGNS.c.campaign_id).limit(limit)
        with self._database.read() as connection:
            rows = connection.execute(chosen if after is None else chosen.where(CAMPAIGNS.c.campaign_id > after))
            return tuple(read_campaign(row) for row in rows)

    def all(self) -> tuple[Campaign, ...]:
        """All campaigns, by id."""
        with self._database.read() as connection:
            rows = connection.execute(select(CAMPAIGNS).order_by(CAMPAIGNS.c.campaign_id)).all()
        return tuple(read_campaign(row) for row in rows)

    def version(self) -> int:
        """Increases with every change of a campaign."""
        with self._database.read() as connection:
            return int(connection.execute(select(STATE.c.campaigns_version)).scalar_one())


def _campaign(connection: Connection, campaign_id: str) -> Campaign:
    row = connection.execute(select(CAMPAIGNS).where(CAMPAIGNS.c.campaign_id == campaign_id)).one_or_none()
    if row is None:
        raise _unknown(campaign_id)
    return read_campaign(row)


def _unknown(campaign_id: str) -> NotFoundError:
    return NotFoundError(f"no campaign {campaign_id!r} in the store")


def read_campaign(row: Any) -> Campaign:
    """Campaign of a row that carries its columns. Raises StoreError for targeting that cannot be read."""
    return Campaign(
        campaign_id=row.campaign_id,
        item_id=row.item_id,
        bid=row.bid,
        daily_budget=row.daily_budget,
        currency=row.currency,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        targeting=tuple(_read_filters(row.campaign_id, row.targeting)),
        cap_per_day=row.cap_per_day,
        creative=row.creative,
        paused=bool(row.paused),
    )


def _values(campaign: Campaign) -> Values:
    what = f"Campaign {campaign.campaign_id!r}"
    check_id(what, campaign.campaign_id)
    check_campaign(campaign)
    creative = None if campaign.creative is None else checked_text(what, "creative", campaign.creative)
    targeting = json.dumps([_dumped(one) for one in campaign.targeting], ensure_ascii=False, allow_nan=False)
    fields = {field.name: getattr(campaign, field.name) for field in dataclasses.fields(campaign)}
    return {**fields, "creative": creative, "targeting": checked_text(what, "its targeting", targeting)}


def _dumped(condition: Filter) -> dict[str, object]:
    if isinstance(condition, Not):
        return {"not": _dumped(condition.inner)}
    kind = next(name for name, made in _KINDS.items() if isinstance(condition, made))
    return {kind: dataclasses.asdict(condition)}


def _read_filters(campaign_id: str, stored: str) -> Iterable[Filter]:
    try:
        return [_read_filter(one) for one in json.loads(stored)]
    except (ValueError, TypeError, KeyError) as error:
        raise StoreError(
            f"The targeting of campaign {campaign_id!r} cannot be read ({stored[:60]!r}): store that campaign again."
        ) from error


def _read_filter(loaded: dict[str, Any]) -> Filter:
    [(kind, fields)] = loaded.items()
    if kind == "not":
        inner = _read_filter(fields)
        if isinstance(inner, Not):
            raise ValueError("a negation of a negation")
        return Not(inner=inner)
    told: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
    made: Filter = _KINDS[kind](**told)
    return made


def _check_items(connection: Connection, campaigns: Sequence[Campaign]) -> None:
    wanted = sorted({one.item_id for one in campaigns})
    known: set[str] = set()
    for part in chunks(wanted):
        known.update(connection.scalars(select(ITEMS.c.item_id).where(ITEMS.c.item_id.in_(part))))
    for one in campaigns:
        if one.item_id not in known:
            raise NotFoundError(f"campaign {one.campaign_id!r}: no item {one.item_id!r} in the store")


def _next_version(connection: Connection) -> int:
    return int(connection.execute(select(STATE.c.campaigns_version).with_for_update()).scalar_one()) + 1


def _commit_version(connection: Connection, version: int) -> None:
    connection.execute(update(STATE).values(campaigns_version=version))
