"""One worker thread for the model; calls that wait together are answered together."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Job(Generic[Asked, Answer]):
    asked: tuple[Asked, ...]
    future: Future[list[Answer]]


class Batcher(Generic[Asked, Answer]):
    """Runs a blocking batch function in its own thread, for any number of concurrent callers.

    While one batch runs, the calls that arrive wait and go into the next one together. An error goes to all calls
    of its batch; what only concerns one call is to be refused before it comes here.
    """

    def __init__(self, run: Callable[[Sequence[Asked]], list[Answer]], name: str) -> None:
        self._run = run
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._waiting: list[_Job[Asked, Answer]] = []
        self._lock = threading.Lock()

    async def __call__(self, asked: Sequence[Asked]) -> list[Answer]:
        """Answers in the order of what was asked. A cancelled call that has not begun is not computed."""
        future: Future[list[Answer]] = Future()
        with self._lock:
            self._waiting.append(_Job(asked=tuple(asked), future=future))
        self._executor.submit(self._drain)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Ends the thread after the batch that runs."""
        self._executor.shutdown(wait=True, cancel_futures=False)

    def _drain(self) -> None:
        with self._lock:
            taken, self._waiting = self._waiting, []
        jobs = [job for job in taken if job.future.set_running_or_notify_cancel()]
        if not jobs:
            return
        try:
            answers = self._run([one for job in jobs for one in job.asked])
        except BaseException as error:  # noqa: BLE001 - a future carries it to the caller, whatever it is
            for job in jobs:
                job.future.set_exception(error)
            return
        start = 0
        for job in jobs:
            job.future.set_result(answers[start : start + len(job.asked)])
            start += len(job.asked)
