"""What the service adds to a list: python -m benchmarks.service_overhead.

Wall time as the client sees it, over HTTP on one connection of this machine, less the times of the stages (retrieval,
examples, llm, fusion) that the answer itself tells. What is left is HTTP, checks, the commit of the shown list,
serialisation and switches between threads.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
from rich.console import Console

from benchmarks.server import SIGNALS_ONLY, fill_sample, served

MOST_MS = 5.0
_WARM = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Times:
    """Seconds of one request."""

    wall: float
    stages: float

    @property
    def overhead(self) -> float:
        """What no stage accounts for."""
        return self.wall - self.stages


def ask(client: httpx.Client, user_id: str) -> Times:
    """One list; raises httpx.HTTPStatusError unless it is answered."""
    start = time.perf_counter()
    answer = client.post("/v1/recommend", json={"user_id": user_id, "n": 10})
    wall = time.perf_counter() - start
    answer.raise_for_status()
    return Times(wall=wall, stages=sum(stage["seconds"] for stage in answer.json()["timings"]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the overhead; 1 if its median is over 5 ms."""
    parser = argparse.ArgumentParser(description="Service overhead of a list.")
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--llm", action="store_true", help="ask the packaged LLM too, instead of the signals alone")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        users = itertools.cycle(fill_sample(Path(name)))
        with (
            served(Path(name), {} if chosen.llm else SIGNALS_ONLY) as service,
            httpx.Client(base_url=service.url, timeout=60) as client,
        ):
            for _ in range(_WARM):
                ask(client, next(users))
            times = [ask(client, next(users)) for _ in range(chosen.requests)]
    told = {
        "client's wall time": [one.wall for one in times],
        "stages": [one.stages for one in times],
        "service overhead": [one.overhead for one in times],
    }
    console = Console(width=110)
    for what, seconds in told.items():
        p50, p95 = np.percentile(seconds, [50, 95]) * 1000
        console.print(f"{what}, {len(times)} lists: p50 {p50:.1f} ms, p95 {p95:.1f} ms", highlight=False)
    return int(float(np.median(told["service overhead"])) * 1000 > MOST_MS)


if __name__ == "__main__":
    raise SystemExit(main())
