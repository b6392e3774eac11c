"""The log of the lists that were shown, so that feedback can be joined to what produced it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from retrieval.errors import NotFoundError
from retrieval.record.database import Database
from retrieval.record.exposures import Exposures
from retrieval.record.prompts import forget_rows, log_prompts
from retrieval.record.schema import PROMPTS, REQUESTS
from retrieval.record.types import ErasedList, LoggedPrompts, ShownItems, ShownList


class ShownLists:
    """Lists by request id. They are no part of what the index mirrors and raise no version."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def log(self, shown: ShownList, prompts: LoggedPrompts | None = None) -> None:
        """Keep a list, and with it what the model was shown where that is given.

        Raises NotFoundError where its user is gone meanwhile: then nothing of them is kept.
        """
        values = {
            "request_id": shown.request_id,
            "user_id": shown.user_id,
            "door": shown.door,
            "asked_at": shown.asked_at,
            "shown": json.dumps(shown.item_ids, ensure_ascii=False),
            "ranked_by": shown.ranked_by,
            "rung": shown.rung,
            "strategy": shown.strategy,
            "template": shown.template,
            "prompt_digest": shown.prompt_digest,
            "model": shown.model,
            "adapter": shown.adapter,
            "scenario": shown.scenario,
            "experiment": shown.experiment,
            "arm": shown.arm,
            "teams": None if shown.teams is None else json.dumps(shown.teams, ensure_ascii=False),
        }
        try:
            with self._database.write() as connection:
                connection.execute(insert(REQUESTS), values)
                if prompts is not None:
                    log_prompts(connection, prompts)
        except IntegrityError as error:
            raise NotFoundError(f"user {shown.user_id!r} was deleted while the list was made") from error

    def get(self, request_id: str) -> ShownList | None:
        """One list, or None."""
        with self._database.read() as connection:
            row = connection.execute(select(REQUESTS).where(REQUESTS.c.request_id == request_id)).one_or_none()
        return None if row is None else read_shown(row)

    def of_user(self, user_id: str) -> Sequence[ShownList]:
        """A user's lists, oldest first."""
        chosen = select(REQUESTS).where(REQUESTS.c.user_id == user_id)
        with self._database.read() as connection:
            rows = connection.execute(chosen.order_by(REQUESTS.c.asked_at, REQUESTS.c.request_id)).all()
        return [read_shown(row) for row in rows]

    def since(self, moment: float, known: Container[str]) -> Iterator[ShownItems]:
        """Every list asked for at a time or later but those whose request ids are known, in no order."""
        chosen = select(REQUESTS.c.request_id, REQUESTS.c.asked_at, REQUESTS.c.shown)
        with self._database.read() as connection:
            for request_id, asked_at, shown in connection.execute(chosen.where(REQUESTS.c.asked_at >= moment)):
                if request_id not in known:
                    yield ShownItems(request_id=request_id, asked_at=asked_at, item_ids=tuple(json.loads(shown)))

    def counts_of(self, user_id: str, since: float, before: float) -> Counter[str]:
        """By item id, in how many of a user's lists of a time it was."""
        chosen = select(REQUESTS.c.shown).where(
            REQUESTS.c.user_id == user_id, REQUESTS.c.asked_at >= since, REQUESTS.c.asked_at < before
        )
        with self._database.read() as connection:
            return Counter(item_id for shown in connection.scalars(chosen) for item_id in json.loads(shown))

    def exposures(self) -> Exposures:
        """The lists that were part of experiments."""
        return Exposures(self._database)

    def erase(self, request_id: str) -> ErasedList:
        """Delete one list and its prompts. What was paid for beside it stays: it names nobody then."""
        with self._database.write() as connection:
            shown, prompts = (
                connection.execute(delete(table).where(table.c.request_id == request_id)).rowcount
                for table in (REQUESTS, PROMPTS)
            )
        return ErasedList(shown=shown, prompts=prompts)

    def forget(self, before: float) -> int:
        """Delete the lists asked for before a time; returns how many there were. Feedback on them stays."""
        return forget_rows(self._database, REQUESTS, before)


def read_shown(row: Any) -> ShownList:
    """List of a row that carries the columns of requests."""
    return ShownList(
        request_id=row.request_id,
        user_id=row.user_id,
        door=row.door,
        asked_at=row.asked_at,
        item_ids=tuple(json.loads(row.shown)),
        ranked_by=row.ranked_by,
        rung=row.rung,
        strategy=row.strategy,
        template=row.template,
        prompt_digest=row.prompt_digest,
        model=row.model,
        adapter=row.adapter,
        scenario=row.scenario,
        experiment=row.experiment,
        arm=row.arm,
        teams=None if row.teams is None else tuple(json.loads(row.teams)),
    )
