from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest

from ranking.engines.batching import Batcher, BatchLimits, Wanted
from ranking.errors import EngineBusyError, EngineError

LIMITS = BatchLimits(max_cost=100, wait_s=0.0, max_waiting=64)


@dataclass
class FakeCore:
    """A slow model: answers each number with its negative, step by step, when the gate is open. Fails for 666."""

    gate: threading.Event = field(default_factory=threading.Event)
    entered: threading.Event = field(default_factory=threading.Event)
    passes: list[list[int]] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)

    def run(self, asked: Sequence[int], wanted: Wanted) -> list[int | None]:
        self.passes.append(list(asked))
        self.entered.set()
        assert self.gate.wait(10)
        if 666 in asked:
            raise EngineError("no number of ours")
        answers: list[int | None] = []
        for index, one in enumerate(asked):
            answers.append(-one if wanted(index) else None)
            if wanted(index):
                self.steps.append(one)
        return answers


@contextmanager
def batcher(core: FakeCore, limits: BatchLimits = LIMITS, *, cost: int = 1) -> Iterator[Batcher[int, int]]:
    with ThreadPoolExecutor(max_workers=1) as executor:
        try:
            yield Batcher(core.run, cost=lambda _: cost, executor=executor, limits=limits)
        finally:
            core.gate.set()


async def until_working(core: FakeCore) -> None:
    assert await asyncio.to_thread(core.entered.wait, 10)


async def test_calls_that_wait_share_passes_and_keep_their_order() -> None:
    core = FakeCore()
    with batcher(core) as ask:
        first = asyncio.create_task(ask([0]))
        await until_working(core)
        calls = [asyncio.create_task(ask([number, number + 100])) for number in range(1, 16)]
        await asyncio.sleep(0)
        core.gate.set()
        assert await first == [0]
        assert await asyncio.gather(*calls) == [[-number, -number - 100] for number in range(1, 16)]
    assert len(core.passes) == 2
    assert core.passes[1] == [one for number in range(1, 16) for one in (number, number + 100)]


async def test_a_pass_takes_what_fits_first_come_first_served() -> None:
    core = FakeCore()
    with batcher(core, replace(LIMITS, max_cost=4)) as ask:
        first = asyncio.create_task(ask([0]))
        await until_working(core)
        waiting = [[1, 2], [3, 4, 5], [6], [7, 8, 9, 10, 11], [12]]
        calls = [asyncio.create_task(ask(numbers)) for numbers in waiting]
        await asyncio.sleep(0)
        core.gate.set()
        await asyncio.gather(first, *calls)
    # [6] could have gone with [1, 2]; that it does not keeps [3, 4, 5] from being overtaken for ever.
    assert core.passes == [[0], [1, 2], [3, 4, 5, 6], [7, 8, 9, 10, 11], [12]]


async def test_the_first_call_waits_for_company() -> None:
    core = FakeCore()
    core.gate.set()
    with batcher(core, replace(LIMITS, wait_s=5.0, max_cost=3)) as ask:
        # It does not wait for longer than it takes to fill a pass.
        found = await asyncio.wait_for(asyncio.gather(ask([1]), ask([2]), ask([3])), 4)
    assert list(found) == [[-1], [-2], [-3]]
    assert core.passes == [[1, 2, 3]]


async def test_without_a_wait_a_call_starts_at_once() -> None:
    core = FakeCore()
    core.gate.set()
    with batcher(core) as ask:
        assert [await ask([number]) for number in (1, 2)] == [[-1], [-2]]
    assert core.passes == [[1], [2]]


async def test_a_full_queue_refuses_and_says_when_to_come_back() -> None:
    core = FakeCore()
    with batcher(core, replace(LIMITS, max_waiting=2)) as ask:
        calls = [asyncio.create_task(ask([0]))]
        await until_working(core)
        calls += [asyncio.create_task(ask([number])) for number in (1, 2)]
        await asyncio.sleep(0)
        with pytest.raises(EngineBusyError, match="2 calls wait") as refused:
            await ask([3])
        assert refused.value.retry_after_s >= 1
        calls[1].cancel()
        await asyncio.sleep(0)
        calls.append(asyncio.create_task(ask([4])))  # who left makes room
        await asyncio.sleep(0)
        core.gate.set()
        await asyncio.gather(*calls, return_exceptions=True)
    assert core.passes == [[0], [2, 4]]


async def test_a_cancelled_call_is_given_up_and_its_neighbours_are_not() -> None:
    core = FakeCore()
    with batcher(core) as ask:
        running = asyncio.create_task(ask([1, 2]))
        await until_working(core)
        waiting, neighbour = asyncio.create_task(ask([3])), asyncio.create_task(ask([4]))
        await asyncio.sleep(0)
        running.cancel()
        waiting.cancel()
        await asyncio.sleep(0)
        core.gate.set()
        assert await neighbour == [-4]
        for call in (running, waiting):
            with pytest.raises(asyncio.CancelledError):
                await call
    assert core.passes == [[1, 2], [4]]
    assert core.steps == [4], "nobody waited for the others any more"


async def test_a_failure_comes_to_the_call_that_caused_it() -> None:
    core = FakeCore()
    with batcher(core) as ask:
        first = asyncio.create_task(ask([0]))
        await until_working(core)
        calls = [asyncio.create_task(ask([number])) for number in (12, 666, 14)]
        await asyncio.sleep(0)
        core.gate.set()
        await first
        good, bad, other = await asyncio.gather(*calls, return_exceptions=True)
    assert good == [-12]
    assert other == [-14]
    assert isinstance(bad, EngineError)
    assert core.passes == [[0], [12, 666, 14], [12], [666], [14]]


async def test_what_waits_can_be_served_in_the_midst_of_other_work_of_the_same_worker() -> None:
    core, done = FakeCore(), threading.Event()
    core.gate.set()
    with ThreadPoolExecutor(max_workers=1) as executor:
        ask: Batcher[int, int] = Batcher(core.run, cost=lambda _: 1, executor=executor, limits=LIMITS)

        def write() -> None:
            core.entered.set()
            while not done.wait(0.001):
                ask.serve()

        text = executor.submit(write)
        await until_working(core)
        assert await asyncio.wait_for(ask([5]), 10) == [-5]
        assert not text.done()
        done.set()


async def test_a_closed_engine_says_so() -> None:
    core = FakeCore()
    with batcher(core) as ask:
        pass
    with pytest.raises(EngineError, match="closed"):
        await ask([1])
