"""Parts of a batch answered one after the other: while the model ranks one, the next one is looked up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from prompts.errors import PromptError
from ranking.begun import Prepared
from ranking.errors import PromptTooLongError
from ranking.protocol import Engine
from ranking.types import Recommendation
from retrieval.errors import NotFoundError, one_line
from retrieval.types import Query
from service.batch.lists import Part, encode
from service.batch.users import Listed

Keep = Callable[[int, bytes], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What every user gets."""

    query: Query
    """Without a user; its as_of is fixed."""
    as_of: float
    n: int


class ListMaker(Protocol):
    """What is needed of `ranking.recommender.Recommender`."""

    engine: Engine

    def prepare(self, query: Query, n: int) -> Prepared:
        """All that comes before the model; blocks."""

    async def rank_prepared(self, prepared: Sequence[Prepared], n: int) -> list[Recommendation]:
        """An answer to each, in order."""


class Answering:
    """Answers parts with one Recommender. What it makes of a part depends on the part alone."""

    def __init__(self, recommender: ListMaker, wanted: Wanted, *, in_flight: int) -> None:
        """`in_flight` parts are before the model at a time: 1 where passes must not depend on what comes together."""
        self._recommender = recommender
        self._wanted = wanted
        self._turn = asyncio.Semaphore(in_flight)
        # One part more is looked up meanwhile, so that the model never waits for it.
        self._room = asyncio.Semaphore(in_flight + 1)

    async def run(self, parts: Iterable[tuple[int, list[Listed]]], keep: Keep) -> None:
        """Answers the parts and keeps each as soon as it is done. Raises what ranking raises, and then stops."""
        try:
            async with asyncio.TaskGroup() as group:
                for number, users in parts:
                    await self._room.acquire()
                    group.create_task(self._one(number, users, keep))
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from failed

    async def answer(self, users: Sequence[Listed]) -> bytes:
        """One part's content. Whom nothing can be said to is rejected, with the reason."""
        prepared, rejected = await asyncio.to_thread(self._prepared, users)
        async with self._turn:
            lists, failed = await self._ranked(prepared)
        info = self._recommender.engine.info
        made_by = f"{info.model}@{info.revision} ({info.engine}, {info.dtype})" + (
            f" + {info.adapter}" if info.adapter else ""
        )
        part = Part(lists=lists, rejected=sorted([*rejected, *failed], key=lambda one: one.line), made_by=made_by)
        return await asyncio.to_thread(encode, part, self._wanted.as_of)

    async def _one(self, number: int, users: Sequence[Listed], keep: Keep) -> None:
        try:
            content = await self.answer(users)
            await asyncio.to_thread(keep, number, content)
        finally:
            self._room.release()

    def _prepared(self, users: Sequence[Listed]) -> tuple[list[tuple[Listed, Prepared]], list[Listed]]:
        prepared, rejected = [], []
        for one in users:
            query = replace(self._wanted.query, user_id=one.user_id, as_of=self._wanted.as_of)
            try:
                found = self._recommender.prepare(query, self._wanted.n)
            except NotFoundError:
                rejected.append(replace(one, reason="deleted meanwhile"))
                continue
            if found.retrieved.candidates:
                prepared.append((one, found))
            else:
                rejected.append(replace(one, reason="nothing to recommend: no item is unseen and passes the filters"))
        return prepared, rejected

    async def _ranked(self, prepared: Sequence[tuple[Listed, Prepared]]) -> tuple[list[Recommendation], list[Listed]]:
        n, together = self._wanted.n, [found for _, found in prepared]
        try:
            return await self._recommender.rank_prepared(together, n), []
        except (PromptError, PromptTooLongError):
            # One user's prompt does not fit; the others are not to blame.
            lists, failed = [], []
            for one, found in prepared:
                try:
                    lists += await self._recommender.rank_prepared([found], n)
                except (PromptError, PromptTooLongError) as error:
                    failed.append(replace(one, reason=one_line(error)))
            return lists, failed
