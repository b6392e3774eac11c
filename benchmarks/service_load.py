"""The service under many clients at once: python -m benchmarks.service_load.

Each client asks for the next list as soon as it has the last one, over the bundled sample and the packaged models. Two
variants: the LLM with the degradation ladder, and the signals alone. Told are: the start of the process until
/health/ready says yes, answers by status and by rung with their waits, and how the memory grew in the second half.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
from rich.console import Console

from benchmarks.server import SIGNALS_ONLY, Served, fill_sample, served

MOST_GROWTH_MIB_MIN = 20.0
"""Memory may grow by so much a minute in the second half."""
_SAMPLE_S = 0.5


@dataclass(kw_only=True, slots=True)
class Load:
    """What the clients saw."""

    statuses: Counter[int] = field(default_factory=Counter)
    waits: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Seconds of each answer, by rung."""
    memory: list[tuple[float, float]] = field(default_factory=list)
    """Seconds since the start, and MiB."""

    def growth_mib_min(self) -> float:
        """Slope of the memory in the second half, by least squares."""
        half = self.memory[len(self.memory) // 2 :]
        if len(half) < 2:
            return 0.0
        seconds, mib = np.array(half).T
        return float(np.polyfit(seconds, mib, 1)[0]) * 60


async def press(service: Served, users: Iterator[str], clients: int, seconds: float) -> Load:
    """So many clients for so long."""
    load, until = Load(), time.perf_counter() + seconds

    async def client(http: httpx.AsyncClient) -> None:
        while (start := time.perf_counter()) < until:
            answer = await http.post("/v1/recommend", json={"user_id": next(users), "n": 10})
            load.statuses[answer.status_code] += 1
            if answer.is_success:
                told = answer.json()
                load.waits[told["rung"] if told["reason"] is None else f"{told['rung']}, {told['reason']}"].append(
                    time.perf_counter() - start
                )

    async def scale() -> None:
        begun = time.perf_counter()
        while time.perf_counter() < until:
            load.memory.append((time.perf_counter() - begun, service.resident_mib()))
            await asyncio.sleep(_SAMPLE_S)

    limits = httpx.Limits(max_connections=clients)
    async with httpx.AsyncClient(base_url=service.url, timeout=60, limits=limits) as http:
        await asyncio.gather(scale(), *[client(http) for _ in range(clients)])
    return load


def tell(console: Console, name: str, service: Served, load: Load, seconds: float) -> bool:
    """Prints what was seen; whether it is as it should be."""
    total, failed = load.statuses.total(), sum(n for status, n in load.statuses.items() if status >= 500)
    console.print(
        f"{name}: ready {service.ready_s:.1f} s after the start of the process; {total:,} answers in {seconds:.0f} s, "
        f"{failed} of them 5xx; memory {load.memory[0][1]:,.0f} to {load.memory[-1][1]:,.0f} MiB, in the second half "
        f"{load.growth_mib_min():+.1f} MiB a minute; by status {dict(load.statuses)}",
        highlight=False,
    )
    for rung, waits in sorted(load.waits.items()):
        p50, p95 = np.percentile(waits, [50, 95]) * 1000
        console.print(f"  rung {rung}: {len(waits):,} answers, p50 {p50:,.0f} ms, p95 {p95:,.0f} ms", highlight=False)
    return failed == 0 and load.growth_mib_min() <= MOST_GROWTH_MIB_MIN


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark; 1 if anything was answered with 5xx or the memory grows."""
    parser = argparse.ArgumentParser(description="The service under many clients.")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--warm", type=float, default=10, help="seconds before what is told, until caches are full")
    parser.add_argument("--only", choices=["llm", "signals"], help="one variant instead of both")
    chosen = parser.parse_args(arguments)
    console, good = Console(width=110), True
    variants = {"llm": ("LLM (135M)", {}), "signals": ("signals only", SIGNALS_ONLY)}
    with tempfile.TemporaryDirectory() as name:
        users = itertools.cycle(fill_sample(Path(name)))
        for key, (title, environment) in variants.items():
            if chosen.only in {None, key}:
                with served(Path(name), environment) as service:
                    asyncio.run(press(service, users, chosen.clients, chosen.warm))
                    load = asyncio.run(press(service, users, chosen.clients, chosen.seconds))
                    good &= tell(console, f"{title}, {chosen.clients} clients", service, load, chosen.seconds)
    return int(not good)


if __name__ == "__main__":
    raise SystemExit(main())
