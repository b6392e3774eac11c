"""Keeps the log of shown lists from growing without end."""

from __future__ import annotations

import asyncio
import contextlib
import time

import structlog

from retrieval.errors import RetrievalError, one_line
from retrieval.store import Store

_log = structlog.get_logger(__name__)
_DAY_S = 86_400.0
_EVERY_S = 3600.0


class Retention:
    """Forgets old lists when it begins and every hour from then on, beside the requests. Belongs to one event loop."""

    def __init__(self, store: Store, days: float | None, every_s: float = _EVERY_S) -> None:
        """`days` is how long a list is kept; None keeps all."""
        self._store, self._days, self._every_s = store, days, every_s
        self._task: asyncio.Task[None] | None = None
        self._stopped = asyncio.Event()

    def begin(self) -> None:
        """To be called once, in the event loop."""
        if self._days is not None:
            self._task = asyncio.get_running_loop().create_task(self._go_on(self._days * _DAY_S))

    async def stop(self) -> None:
        """Forgets no more; what is being forgotten is let finish."""
        if self._task is not None:
            self._stopped.set()
            await self._task

    async def _go_on(self, kept_s: float) -> None:
        while not self._stopped.is_set():
            try:
                forgotten = await asyncio.to_thread(self._store.record.shown().forget, time.time() - kept_s)
                if forgotten:
                    _log.info("old lists were forgotten", lists=forgotten)
            except RetrievalError as error:
                _log.error("old lists could not be forgotten; the next hour tries again", error=one_line(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), self._every_s)
