"""Keeps the logs of shown lists and of their prompts from growing without end."""

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
    """Forgets what is old when it begins and every hour from then on, beside the requests.

    Belongs to one event loop.
    """

    def __init__(
        self, store: Store, shown_days: float | None, prompt_days: float | None = None, every_s: float = _EVERY_S
    ) -> None:
        """How long a list and its prompts are kept; None keeps all."""
        self._forgetting = [
            (what, forget, days * _DAY_S)
            for what, forget, days in (
                ("lists", store.record.shown().forget, shown_days),
                ("prompts", store.record.prompts().forget, prompt_days),
            )
            if days is not None
        ]
        self._every_s = every_s
        self._task: asyncio.Task[None] | None = None
        self._stopped = asyncio.Event()

    def begin(self) -> None:
        """To be called once, in the event loop."""
        if self._forgetting:
            self._task = asyncio.get_running_loop().create_task(self._go_on())

    async def stop(self) -> None:
        """Forgets no more; what is being forgotten is let finish."""
        if self._task is not None:
            self._stopped.set()
            await self._task

    async def _go_on(self) -> None:
        while not self._stopped.is_set():
            for what, forget, kept_s in self._forgetting:
                try:
                    if forgotten := await asyncio.to_thread(forget, time.time() - kept_s):
                        _log.info("what is old was forgotten", kind=what, n=forgotten)
                except RetrievalError as error:
                    told = one_line(error)
                    _log.error("what is old could not be forgotten; the next hour tries again", kind=what, error=told)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), self._every_s)
