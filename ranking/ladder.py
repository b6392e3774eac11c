"""What an answer falls back to when the model or the index is slow, busy or down, and that the answer says so.

The rungs: the LLM ranks all candidates; it ranks as many as it can in time; retrieval's order; what most people take.
What fails for reasons of the request (an unknown user, a prompt that is too long) is no matter of rungs: it is raised.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Self, TypeVar

import structlog

from prompts.types import PromptContext
from ranking.breaker import Attempt, Breaker
from ranking.errors import EngineBusyError, EngineError, ServerBusyError, ServerRefusedError
from ranking.pace import Pace
from ranking.protocol import Strategy
from ranking.settings import LadderSettings
from ranking.types import Cause, Reason, Rung, StrategyScores
from retrieval.closing import Closing
from retrieval.errors import StoreError, one_line

T = TypeVar("T")
_log = structlog.get_logger(__name__)

_FOR_THE_ANSWER = 0.1
"""Share of the deadline that is kept to put the answer together."""
_FAIR = 0.5
"""Share of the deadline that the model must have had before its silence counts as its failure."""
_OF_THE_REQUEST = frozenset({400, 413, 422})
_INDEX_THREADS = 8


class Course:
    """How one request goes: every step as it is meant to be. What fails is raised, and nothing is ever left out."""

    rung: Rung = "full"
    reason: Cause | None = None
    """Why less than everything was done; None where everything was."""
    notes: tuple[str, ...] = ()
    until: float = math.inf
    """When there must be an answer, by the ladder's clock."""

    def after(self, other: Course) -> Self:
        """This course, where the other one has come to: with what it lost, and the time that it has left."""
        self.rung, self.reason, self.notes, self.until = other.rung, other.reason, other.notes, other.until
        return self

    async def step(self, usual: Callable[[], T], lower: Callable[[], T], rung: Rung) -> T:  # noqa: ARG002
        """What `usual` gives, computed in a thread."""
        return await asyncio.to_thread(usual)

    async def verdict(self, strategy: Strategy, context: PromptContext) -> StrategyScores | None:
        """The strategy's scores of the candidates; of the first ones only, or None, on a lower rung."""
        [verdict] = await strategy.score([context])
        return verdict

    async def reasons(self, work: Callable[[], Awaitable[Sequence[Reason]]]) -> Sequence[Reason] | None:
        """The reasons; None where there was no time to measure them, or the model failed."""
        return await work()


class KnownCourse(Course):
    """The course of one of several requests for which the model was asked in one call."""

    def __init__(self, verdict: StrategyScores) -> None:
        self._verdict = verdict

    async def verdict(self, strategy: Strategy, context: PromptContext) -> StrategyScores | None:  # noqa: ARG002
        """The scores that are known."""
        return self._verdict


class Ladder(Closing):
    """What is known of one engine and one index: their breakers and the model's pace. Belongs to one event loop.

    Steps of retrieval have threads of their own, so that an index that hangs holds up nothing else.
    """

    def __init__(self, settings: LadderSettings, *, now: Callable[[], float] = time.monotonic) -> None:
        self.settings, self.now = settings, now
        failures, rest_s = settings.breaker_failures, settings.breaker_rest_s
        self.engine = Breaker("engine", failures=failures, rest_s=rest_s, now=now)
        self.index = Breaker("index", failures=failures, rest_s=rest_s, now=now)
        self.pace = Pace()
        self.threads = ThreadPoolExecutor(_INDEX_THREADS, thread_name_prefix="fewrec-retrieval")

    def beside(self, *, same_engine: bool) -> Ladder:
        """A ladder over the same index and, if so, the same engine, for another way to rank: its pace is its own."""
        other = Ladder(self.settings, now=self.now)
        other.index = self.index
        if same_engine:
            other.engine = self.engine
        return other

    def begin(self) -> Course:
        """The course of a request whose time starts now."""
        return GuardedCourse(self)

    def close(self) -> None:
        """Lets the threads go; one that hangs is not waited for."""
        self.threads.shutdown(wait=False, cancel_futures=True)


class GuardedCourse(Course):
    """Goes down the ladder rather than to fail or to be late."""

    def __init__(self, ladder: Ladder) -> None:
        self._ladder = ladder
        self._deadline_s = ladder.settings.deadline_s
        self.until = ladder.now() + self._deadline_s * (1 - _FOR_THE_ANSWER)

    async def step(self, usual: Callable[[], T], lower: Callable[[], T], rung: Rung) -> T:
        """What `usual` gives; on the given rung what `lower` gives, if that failed or came too late."""
        attempt = self._ladder.index.admit() if self.reason is None else None
        if attempt is not None:
            left = self._left()
            limit = asyncio.timeout(left)
            try:
                async with limit:
                    run = contextvars.copy_context().run
                    found = await asyncio.get_running_loop().run_in_executor(self._ladder.threads, run, usual)
                attempt.succeeded()
                return found
            except TimeoutError:
                if not limit.expired():
                    raise
                if left >= _FAIR * self._deadline_s:
                    attempt.failed()
                self._down(rung, "deadline", f"Retrieval did not answer in time: {_INSTEAD[rung]}.")
            except StoreError as error:
                attempt.failed()
                _log.warning("retrieval failed", error=type(error).__name__, message=one_line(error))
                self._down(rung, "index", f"The index failed: {_INSTEAD[rung]}.")
            finally:
                attempt.over()
        elif self.reason is None:
            self._down(rung, "index", f"The index failed lately and is left alone for a while: {_INSTEAD[rung]}.")
        return await asyncio.to_thread(lower)

    async def verdict(self, strategy: Strategy, context: PromptContext) -> StrategyScores | None:
        """The scores of as many candidates as can be ranked in time, the first ones; None if there are none."""
        if self.reason is not None:
            return None
        available, pace = len(context.candidates), self._ladder.pace
        n = pace.fitting(available, self._left(), self._ladder.settings.min_candidates)
        asked = context if n == available else replace(context, candidates=context.candidates[:n])
        started = self._ladder.now()

        async def score() -> StrategyScores:
            [verdict] = await strategy.score([asked])
            return verdict

        verdict = await self._ask(score, lower=True)
        took = self._ladder.now() - started
        if verdict is not None:
            pace.add(n, took)
            if n < available:
                told = f"The LLM ranked {n} of {available} candidates: more would not have been ready in time."
                self._down("fewer", "deadline", told)
        elif self.reason == "deadline" and took > 0:
            # How long it would have taken is not known; twice the time makes the next request ask for half.
            pace.add(n, 2 * took)
        return verdict

    async def reasons(self, work: Callable[[], Awaitable[Sequence[Reason]]]) -> Sequence[Reason] | None:
        """The reasons; None on a lower rung, or where there was no time left for them or the model failed."""
        return await self._ask(work, lower=False) if self.reason is None else None

    async def _ask(self, work: Callable[[], Awaitable[T]], *, lower: bool) -> T | None:
        """The model's answer, if it comes in time; None says that the course now knows why not.

        `lower` is False for reasons: without them the list is still ranked in full, and their slowness, which is that
        of many prompts, is not held against the model.
        """
        rung: Rung = "retrieval" if lower else self.rung
        instead = "retrieval's order" if lower else "no reasons were measured"
        left = self._left()
        if left <= 0:
            self._down(rung, "deadline", f"No time was left for the LLM: {instead}.")
            return None
        attempt = self._ladder.engine.admit()
        if attempt is None:
            self._down(rung, "breaker", f"The model failed lately and is left alone for a while: {instead}.")
            return None
        limit = asyncio.timeout(left)
        try:
            async with limit:
                answer = await work()
        except TimeoutError:
            if not limit.expired():
                raise
            if lower and left >= _FAIR * self._deadline_s:
                attempt.failed()
            self._down(rung, "deadline", f"The model did not answer in time: {instead}.")
        except EngineError as error:
            self._failed(error, attempt, rung, instead)
        else:
            attempt.succeeded()
            return answer
        finally:
            attempt.over()
        return None

    def _failed(self, error: EngineError, attempt: Attempt, rung: Rung, instead: str) -> None:
        """Goes down for this error, or raises it where that is the setting or where it is about the request."""
        busy = isinstance(error, EngineBusyError | ServerBusyError)
        if isinstance(error, ServerRefusedError) and error.status in _OF_THE_REQUEST:
            raise error
        if not isinstance(error, EngineBusyError):
            attempt.failed()
            _log.warning("the engine failed", error=type(error).__name__, message=one_line(error))
        if busy and self._ladder.settings.when_busy == "refuse":
            raise error
        told = "Too many requests wait for the model" if busy else "The model failed"
        self._down(rung, "busy" if busy else "engine", f"{told}: {instead}.")

    def _left(self) -> float:
        return self.until - self._ladder.now()

    def _down(self, rung: Rung, reason: Cause, note: str) -> None:
        self.rung, self.reason, self.notes = rung, reason, (*self.notes, note)


_INSTEAD: dict[Rung, str] = {"popular": "what most people take", "retrieval": "retrieval's order"}
