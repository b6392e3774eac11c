"""Showing and charging: each is one transaction, so that no budget and no cap is passed, however many write at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from retrieval.campaigns import day_of
from retrieval.errors import NotFoundError
from retrieval.record.ads.types import AdShow, Offer, Pays, Today
from retrieval.record.database import Database
from retrieval.record.schema import AD_DAYS, AD_SHOWS, CAMPAIGNS
from retrieval.record.writing import insert_of


class Charges:
    """Books what is shown for money, and charges for it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def book(
        self,
        request_id: str,
        user_id: str | None,
        offers: Sequence[Offer],
        *,
        places: Sequence[int],
        pays: Pays,
        now: float,
    ) -> tuple[AdShow, ...]:
        """The first of the offers (best first) that may be shown, one for each place; places rise, and so do the shows.

        They are charged at once where impressions are paid. One that would pass its campaign's daily budget or the
        user's cap is left out, and the next one takes the place; so is that of a campaign that is gone or paused by
        now, or has a cap and no user to count for, and of an item that an offer before it shows. The same request again
        books nothing and gives what was booked. Raises NotFoundError where the user was deleted meanwhile.
        """
        try:
            with self._database.write() as connection:
                day = day_of(now)
                days = _locked_days(connection, sorted({one.campaign_id for one in offers}), day)
                if booked := _shows(connection, request_id):
                    return booked
                rules = _rules(connection, tuple(days))
                left, shown = list(places), list[AdShow]()
                for offer in offers:
                    rule, today = rules.get(offer.campaign_id), days[offer.campaign_id]
                    if not left or rule is None or offer.item_id in {one.item_id for one in shown}:
                        continue
                    if _may_show(connection, rule, today, offer, user_id, day):
                        shown.append(_show(offer, left.pop(0), (request_id, user_id), pays, now))
                if shown:
                    connection.execute(insert(AD_SHOWS), [asdict(one) for one in shown])
                for one in shown:
                    _count(connection, one.campaign_id, day, shown=1, spent=one.charged)
                return tuple(shown)
        except IntegrityError as error:
            raise NotFoundError(f"user {user_id!r} was deleted while the list was made") from error

    def click(self, request_id: str, item_id: str, *, now: float) -> AdShow | None:
        """Notes that an item of a list was clicked, and charges where clicks are paid; None for one nobody paid for.

        The first click counts, and is charged on its own day, or not at all where that day's budget is used up. A clock
        that went back since the list was shown is taken for the time of the list.
        """
        wanted = (AD_SHOWS.c.request_id == request_id, AD_SHOWS.c.item_id == item_id)
        with self._database.write() as connection:
            row = connection.execute(select(AD_SHOWS).where(*wanted).with_for_update()).one_or_none()
            if row is None or row.clicked_at is not None:
                return None if row is None else read_show(row)
            moment = max(now, row.shown_at)
            day = day_of(moment)
            spent = _locked_days(connection, [row.campaign_id], day)[row.campaign_id].spent
            due = row.price if row.pays == "click" else 0
            rule = _rules(connection, (row.campaign_id,)).get(row.campaign_id)
            fits = rule is not None and spent + due <= rule.daily_budget
            charged = due if fits else 0
            _count(connection, row.campaign_id, day, clicked=1, spent=charged, uncharged=int(charged < due))
            changed = {"clicked_at": moment, "charged": row.charged + charged}
            connection.execute(update(AD_SHOWS).where(*wanted).values(**changed))
            return read_show(connection.execute(select(AD_SHOWS).where(*wanted)).one())

    def of_request(self, request_id: str) -> tuple[AdShow, ...]:
        """What was shown for money in a list, by place."""
        with self._database.read() as connection:
            return _shows(connection, request_id)

    def today(self, campaign_ids: Sequence[str], user_id: str | None, now: float) -> Today:
        """What these campaigns did on the day of `now`, and to the user; for a stranger nothing is counted."""
        day = day_of(now)
        spent = select(AD_DAYS.c.campaign_id, AD_DAYS.c.spent).where(
            AD_DAYS.c.campaign_id.in_(campaign_ids), AD_DAYS.c.day == day
        )
        shown = select(AD_SHOWS.c.campaign_id, func.count()).where(AD_SHOWS.c.user_id == user_id, AD_SHOWS.c.day == day)
        with self._database.read() as connection:
            charged = connection.execute(spent).all()
            counted = () if user_id is None else connection.execute(shown.group_by(AD_SHOWS.c.campaign_id)).all()
        return Today(spent={row[0]: int(row[1]) for row in charged}, shown={row[0]: int(row[1]) for row in counted})


def read_show(row: Any) -> AdShow:
    """The show of a row that carries its columns."""
    return AdShow(**{name: getattr(row, name) for name in AdShow.__dataclass_fields__})


def _shows(connection: Connection, request_id: str) -> tuple[AdShow, ...]:
    chosen = select(AD_SHOWS).where(AD_SHOWS.c.request_id == request_id).order_by(AD_SHOWS.c.place)
    return tuple(read_show(row) for row in connection.execute(chosen))


def _show(offer: Offer, place: int, whose: tuple[str, str | None], pays: Pays, now: float) -> AdShow:
    """`whose` list it is: the request and the user."""
    return AdShow(
        request_id=whose[0],
        campaign_id=offer.campaign_id,
        user_id=whose[1],
        item_id=offer.item_id,
        day=day_of(now),
        place=place,
        probability=offer.probability,
        price=offer.price,
        pays=pays,
        shown_at=now,
        clicked_at=None,
        charged=offer.price if pays == "impression" else 0,
    )


def _locked_days(connection: Connection, campaign_ids: Sequence[str], day: int) -> dict[str, Any]:
    """The campaigns' rows of the day by id, made where there are none; nobody else charges to them until the commit.

    Ids are sorted: always locked in the same order, two requests cannot wait for each other.
    """
    fresh = {"day": day, "spent": 0, "shown": 0, "clicked": 0, "uncharged": 0}
    rows = [{"campaign_id": campaign_id, **fresh} for campaign_id in campaign_ids]
    connection.execute(insert_of(connection)(AD_DAYS).on_conflict_do_nothing(), rows)
    wanted = (AD_DAYS.c.campaign_id.in_(campaign_ids), AD_DAYS.c.day == day)
    found = connection.execute(select(AD_DAYS).where(*wanted).order_by(AD_DAYS.c.campaign_id).with_for_update())
    return {row.campaign_id: row for row in found}


def _rules(connection: Connection, campaign_ids: Sequence[str]) -> dict[str, Any]:
    chosen = select(CAMPAIGNS.c.campaign_id, CAMPAIGNS.c.daily_budget, CAMPAIGNS.c.cap_per_day, CAMPAIGNS.c.paused)
    rows = connection.execute(chosen.where(CAMPAIGNS.c.campaign_id.in_(campaign_ids)))
    return {row.campaign_id: row for row in rows}


def _may_show(connection: Connection, rule: Any, today: Any, offer: Offer, user_id: str | None, day: int) -> bool:
    # Where clicks are paid nothing is due yet, but a click that could not be paid is not asked for.
    if rule.paused or today.spent + offer.price > rule.daily_budget:
        return False
    if rule.cap_per_day is None:
        return True
    counted = select(func.count()).where(
        AD_SHOWS.c.campaign_id == offer.campaign_id, AD_SHOWS.c.user_id == user_id, AD_SHOWS.c.day == day
    )
    return user_id is not None and connection.execute(counted).scalar_one() < rule.cap_per_day


def _count(connection: Connection, campaign_id: str, day: int, **more: int) -> None:
    counted = {name: AD_DAYS.c[name] + by for name, by in more.items()}
    connection.execute(
        update(AD_DAYS).where(AD_DAYS.c.campaign_id == campaign_id, AD_DAYS.c.day == day).values(counted)
    )
