"""One worker thread for the model; calls that wait together are answered together, first come, first served."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

from ranking.errors import EngineBusyError, EngineError

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

Wanted: TypeAlias = Callable[[int], bool]
"""Whether somebody still waits for the answer at this index of a batch; may turn false at any time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchLimits:
    """When calls share a batch, and how many may wait for one."""

    max_cost: int
    """Of one batch, in the unit of the cost function. A call that costs more has a batch to itself."""
    wait_s: float
    """How long the first call of a batch waits for company while the worker is idle."""
    max_waiting: int
    """Calls that wait; one more is refused."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Job(Generic[Asked, Answer]):
    asked: tuple[Asked, ...]
    cost: int
    arrived: float
    future: Future[list[Answer]] = field(default_factory=Future)
    given_up: threading.Event = field(default_factory=threading.Event)


class Batcher(Generic[Asked, Answer]):
    """Runs a blocking batch function in a worker thread, for any number of concurrent callers.

    The function gets what the calls of a batch asked and a test of who still waits, to be looked at between its
    steps; it returns one answer each in order, None only where nobody waits any more. Where it fails for several
    calls together, each of them is computed alone, so that an error comes to the call that caused it only.

    The executor must have one thread; several batchers may share it.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Asked], Wanted], Sequence[Answer | None]],
        *,
        cost: Callable[[Asked], int],
        executor: Executor,
        limits: BatchLimits,
    ) -> None:
        self._run = run
        self._cost = cost
        self._executor = executor
        self._limits = limits
        self._waiting: deque[_Job[Asked, Answer]] = deque()
        self._changed = threading.Condition()
        self._seconds_per_cost = 0.0

    @property
    def waiting(self) -> int:
        """Calls that wait for their turn."""
        return len(self._waiting)

    async def __call__(self, asked: Sequence[Asked]) -> list[Answer]:
        """Answers in the order of what was asked.

        A call that is cancelled before its turn is not computed, one that is cancelled later is given up at the next
        step. Raises EngineBusyError if too many calls wait already, EngineError if the executor was shut down.
        """
        job: _Job[Asked, Answer] = _Job(asked=tuple(asked), cost=sum(map(self._cost, asked)), arrived=time.monotonic())
        with self._changed:
            self._check_room()
            self._waiting.append(job)
            self._changed.notify()
        try:
            self._executor.submit(self.serve)
        except RuntimeError as error:
            raise EngineError("the engine is closed; open it anew") from error
        try:
            return await asyncio.wrap_future(job.future)
        except asyncio.CancelledError:
            job.given_up.set()
            with self._changed:
                if job in self._waiting:
                    self._waiting.remove(job)
            raise

    def serve(self) -> None:
        """Answers the calls that come next, as many as fit one batch; none if none wait. For the worker thread."""
        jobs = [job for job in self._next_batch() if job.future.set_running_or_notify_cancel()]
        if not jobs:
            return
        start = time.monotonic()
        failure = self._answer(jobs)
        if failure is not None and len(jobs) == 1:
            jobs[0].future.set_exception(failure)
        elif failure is not None:
            for job in jobs:
                if (own := self._answer([job])) is not None:
                    job.future.set_exception(own)
        self._seconds_per_cost = (time.monotonic() - start) / max(1, sum(job.cost for job in jobs))

    def _check_room(self) -> None:
        if len(self._waiting) < self._limits.max_waiting:
            return
        ahead = sum(job.cost for job in self._waiting)
        wait = max(1, math.ceil(self._seconds_per_cost * ahead))
        raise EngineBusyError(
            f"{len(self._waiting)} calls wait for the model already, and no more may; come back in {wait} s",
            retry_after_s=wait,
        )

    def _next_batch(self) -> list[_Job[Asked, Answer]]:
        with self._changed:
            while self._waiting:
                left = self._waiting[0].arrived + self._limits.wait_s - time.monotonic()
                if left <= 0 or sum(job.cost for job in self._waiting) >= self._limits.max_cost:
                    break
                self._changed.wait(left)
            taken: list[_Job[Asked, Answer]] = []
            room = self._limits.max_cost
            while self._waiting and (not taken or self._waiting[0].cost <= room):
                taken.append(self._waiting.popleft())
                room -= taken[-1].cost
            return taken

    def _answer(self, jobs: Sequence[_Job[Asked, Answer]]) -> BaseException | None:
        """Computes the calls in one batch and tells them their answers; what failed, if it did."""
        owners = [job for job in jobs for _ in job.asked]
        try:
            answers = self._run(
                [one for job in jobs for one in job.asked], lambda index: not owners[index].given_up.is_set()
            )
        except BaseException as error:  # noqa: BLE001 - a future carries it to the caller, whatever it is
            return error
        start = 0
        for job in jobs:
            mine = answers[start : start + len(job.asked)]
            start += len(job.asked)
            job.future.set_result([answer for answer in mine if answer is not None])
        return None
