"""Users served a second, and how long each waits, at several concurrencies: python -m benchmarks.concurrency.

Each user has a history of their own and 20 candidates. Concurrency n is n callers that each ask for the next user as
soon as they have an answer. The concurrencies take turns, round by round, so that what else the machine does hits all
alike; the prefix cache is off, so that every user is computed whole.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path

import numpy as np
import platformdirs
from rich.console import Console
from rich.table import Table

from benchmarks.packed_scoring import example_prompt
from prompts.types import Prompt
from ranking.engine_settings import TransformersSettings
from ranking.engines.transformers import TransformersEngine
from ranking.settings import ModelSettings


@dataclass(kw_only=True, slots=True)
class Load:
    """What one concurrency was measured at, over all rounds."""

    concurrency: int
    waits: list[float] = field(default_factory=list)
    """Seconds from asking to the answer, for each user."""
    rates: list[float] = field(default_factory=list)
    """Users a second, for each round."""
    overtaken: int = 0
    """Users who were answered after somebody who asked later."""


def users(n: int, first: int) -> list[Prompt]:
    """Prompts of n users, none like another."""
    base = example_prompt(20, 8)
    return [replace(base, before=f"Viewer {first + at}. {base.before}") for at in range(n)]


async def run(engine: TransformersEngine, load: Load, prompts: Sequence[Prompt]) -> None:
    """All prompts through the engine, so many at a time; notes times in the load."""
    left = iter(enumerate(prompts))
    answered: list[int] = []

    async def caller() -> None:
        for asked, prompt in left:
            start = time.perf_counter()
            await engine.score([prompt])
            load.waits.append(time.perf_counter() - start)
            answered.append(asked)

    start = time.perf_counter()
    await asyncio.gather(*[caller() for _ in range(load.concurrency)])
    load.rates.append(len(prompts) / (time.perf_counter() - start))
    load.overtaken += overtaken(answered)


def overtaken(answered: Sequence[int]) -> int:
    """How many were answered after somebody who asked later; numbers in the order of answers, by order of asking."""
    latest = accumulate(answered, max)
    return sum(own < others for own, others in zip(answered, latest, strict=True))


async def measure(engine: TransformersEngine, concurrencies: Sequence[int], rounds: int, n_users: int) -> list[Load]:
    """The loads in order, their rounds taken in turns after one user to warm up."""
    loads = [Load(concurrency=n) for n in concurrencies]
    await engine.score(users(1, 0))
    for round_ in range(rounds):
        for load in loads:
            await run(engine, load, users(max(n_users, load.concurrency), 1_000 * round_))
    return loads


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark; 1 if somebody was answered after one who asked later."""
    parser = argparse.ArgumentParser(description="Throughput and latency of the embedded engine under concurrency.")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--users", type=int, default=16, help="users a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--wait-ms", type=float, default=TransformersSettings().batch_wait_ms)
    parser.add_argument("--packed-tokens", type=int, default=ModelSettings().max_packed_tokens)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--cache", type=Path, default=Path(platformdirs.user_cache_dir("fewrec")))
    chosen = parser.parse_args(arguments)
    settings = ModelSettings(device="cpu", threads=chosen.threads, max_packed_tokens=chosen.packed_tokens)
    batching = TransformersSettings(batch_wait_ms=chosen.wait_ms, prefix_tokens=0)
    with closing(TransformersEngine(settings, chosen.cache, batching=batching)) as engine:
        loads = asyncio.run(measure(engine, chosen.concurrency, chosen.rounds, chosen.users))
        dtype = engine.info.dtype
    table = Table(
        title=f"20 candidates, 8 past items, {dtype}, {len(loads[0].waits)} users each, {chosen.wait_ms:g} ms"
    )
    for column in (
        "concurrency",
        "users/s",
        "of the first",
        "p50 ms",
        "p95 ms",
        "p95 of single p50",
        "longest of mean",
        "overtaken",
    ):
        table.add_column(column, justify="right")
    single = float(np.percentile(loads[0].waits, 50))
    for load in loads:
        p50, p95 = np.percentile(load.waits, [50, 95])
        gain = statistics.median(own / first for own, first in zip(load.rates, loads[0].rates, strict=True))
        table.add_row(
            str(load.concurrency),
            f"{statistics.median(load.rates):.2f}",
            f"{gain:.2f} x",
            f"{p50 * 1000:,.0f}",
            f"{p95 * 1000:,.0f}",
            f"{p95 / single:.1f} x",
            f"{max(load.waits) / statistics.mean(load.waits):.1f} x",
            str(load.overtaken),
        )
    Console(width=110).print(table)
    return int(any(load.overtaken for load in loads))


if __name__ == "__main__":
    raise SystemExit(main())
