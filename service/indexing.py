"""Lets the index follow the record while the service runs."""

from __future__ import annotations

import asyncio

import structlog

from retrieval.errors import RetrievalError, one_line
from retrieval.store import Store

_log = structlog.get_logger(__name__)


class Indexing:
    """Catches the index up after writes, beside the requests; many writes share one catch-up.

    Writes are acknowledged by the record alone. What is read from the record (histories, exclusions, popularity) is
    new at once; what is read from the index (the vector of a new item) is new a moment later. Belongs to one event
    loop.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._task: asyncio.Task[None] | None = None
        self._again = False
        self.problem: str | None = None
        """Why the last catch-up failed; None where it did not."""

    @property
    def behind(self) -> bool:
        """Whether writes are waiting to be indexed."""
        return self._task is not None or self.problem is not None

    def wake(self) -> None:
        """To be called after each write to the record."""
        self._again = True
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._follow())

    async def settled(self) -> None:
        """Waits until nothing is being indexed."""
        if self._task is not None:
            await self._task

    async def _follow(self) -> None:
        try:
            while self._again:
                self._again = False
                try:
                    await asyncio.to_thread(self._store.catch_up)
                    self.problem = None
                except RetrievalError as error:
                    self.problem = one_line(error)
                    _log.error("the index could not catch up; the next write or start tries again", error=self.problem)
        finally:
            self._task = None
