"""The lists that were part of an experiment, joined to what users did with them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import ColumnElement, case, func, select

from retrieval.record.database import Database
from retrieval.record.schema import FEEDBACK, REQUESTS
from retrieval.record.types import Credit, FeedbackKind, UserExposure

CLICKED: tuple[FeedbackKind, ...] = ("click",)
LIKED: tuple[FeedbackKind, ...] = ("like", "buy")


class Exposures:
    """What the log knows of experiments; lists that were forgotten or whose user was erased are not in it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def experiments(self) -> tuple[str, ...]:
        """Names of the experiments that at least one list was part of, sorted."""
        chosen = select(REQUESTS.c.experiment).where(REQUESTS.c.experiment.is_not(None)).distinct()
        with self._database.read() as connection:
            return tuple(sorted(str(name) for name in connection.scalars(chosen)))

    def by_user(self, experiment: str) -> Sequence[UserExposure]:
        """Lists of each user and arm, and how many of them led to something; sorted by arm and user."""
        told = (
            select(REQUESTS.c.arm, REQUESTS.c.user_id, REQUESTS.c.rung, _any(CLICKED), _any(LIKED))
            .where(REQUESTS.c.experiment == experiment)
            .subquery()
        )
        summed = select(
            told.c.arm,
            told.c.user_id,
            func.count().label("lists"),
            func.sum(told.c.any_click).label("clicked"),
            func.sum(told.c.any_like).label("liked"),
            func.sum(case((told.c.rung == "full", 0), else_=1)).label("degraded"),
        ).group_by(told.c.arm, told.c.user_id)
        with self._database.read() as connection:
            rows = connection.execute(summed.order_by(told.c.arm, told.c.user_id)).all()
        return [
            UserExposure(
                arm=row.arm,
                user_id=row.user_id,
                n_lists=row.lists,
                n_clicked=row.clicked,
                n_liked=row.liked,
                n_degraded=row.degraded,
            )
            for row in rows
        ]

    def credits(self, experiment: str) -> Sequence[Credit]:
        """The teams whose items users took from interleaved lists; an item counts once of each kind."""
        chosen = (
            select(FEEDBACK.c.user_id, FEEDBACK.c.request_id, FEEDBACK.c.item_id, FEEDBACK.c.kind)
            .add_columns(REQUESTS.c.shown, REQUESTS.c.teams)
            .join_from(FEEDBACK, REQUESTS, FEEDBACK.c.request_id == REQUESTS.c.request_id)
            .where(REQUESTS.c.experiment == experiment, REQUESTS.c.teams.is_not(None))
            .where(FEEDBACK.c.kind.in_((*CLICKED, *LIKED)))
        )
        found = set()
        with self._database.read() as connection:
            for row in connection.execute(chosen):
                team = json.loads(row.teams)[json.loads(row.shown).index(row.item_id)]
                found.add((row.user_id, row.request_id, row.item_id, team, row.kind in LIKED))
        return [Credit(user_id=user_id, team=team, liked=liked) for user_id, _, _, team, liked in sorted(found)]

    def variants(self, experiment: str) -> dict[str | None, int]:
        """By arm, in how many ways (strategy, template, model, adapter) its fully ranked lists were ranked."""
        way = (REQUESTS.c.strategy, REQUESTS.c.template, REQUESTS.c.model, REQUESTS.c.adapter)
        ways = select(REQUESTS.c.arm, *way).where(
            REQUESTS.c.experiment == experiment, REQUESTS.c.ranked_by == "llm", REQUESTS.c.rung == "full"
        )
        ways_of = ways.distinct().subquery()
        counted = select(ways_of.c.arm, func.count().label("n")).group_by(ways_of.c.arm)
        with self._database.read() as connection:
            return {row.arm: row.n for row in connection.execute(counted)}


def _any(kinds: Sequence[FeedbackKind]) -> ColumnElement[int]:
    """1 where there is feedback of one of the kinds on the list, else 0."""
    there = select(FEEDBACK.c.feedback_id).where(
        FEEDBACK.c.request_id == REQUESTS.c.request_id, FEEDBACK.c.kind.in_(kinds)
    )
    return case((there.exists(), 1), else_=0).label(f"any_{kinds[0]}")
