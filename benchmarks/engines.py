"""Ways to score side by side: the same prompts and model, several requests at a time, a process for each way.

Each process first measures what the machine's matrix product reaches in the same number format, so that a share of it
also tells a quiet time from a busy one. Where it is told to (--vllm-url), it asks a server that runs already; no server
is started. Run it alone: python -m benchmarks.engines
"""

from __future__ import annotations

import argparse
import asyncio
import math
import statistics
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs
import psutil
import torch
from rich.console import Console
from rich.table import Table
from safetensors import safe_open
from scipy.stats import kendalltau

from benchmarks.alone import alone
from benchmarks.contenders import CONTENDERS, VLLM, Contender, Scored, Setting
from benchmarks.packed_scoring import example_prompt, matmul_flops_per_second
from prompts.types import Prompt
from ranking.errors import ServerError
from ranking.models import prepare
from ranking.settings import ModelSettings

_WIDTH = 2_048
"""Rows and columns of the matrices whose product is the machine's ceiling."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """What every contender is asked."""

    setting: Setting
    candidates: int
    history: int
    users: int
    """Users at each level, or as many as are asked at the same time if those are more."""
    levels: tuple[int, ...]
    """Numbers of requests at the same time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Level:
    """A contender at one number of requests at the same time."""

    concurrency: int
    seconds: tuple[float, ...]
    """Of each request."""
    users_per_second: float
    flops_per_second: float | None
    """Of its linear layers; None for a server, whose passes are not seen."""

    def percentile(self, share: float) -> float:
        """The smallest time that so large a share of the requests does not exceed, in seconds."""
        return sorted(self.seconds)[max(0, math.ceil(share * len(self.seconds)) - 1)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """A contender."""

    margins: tuple[float, ...]
    """The first user's scores."""
    levels: tuple[Level, ...]
    ceiling: float
    """Floating-point operations a second of a large matrix product, measured just before."""
    peak_mib: float | None
    """The most memory that its process, or its server's, held at any time; None where that cannot be seen."""


def prompts(n: int, candidates: int, history: int) -> list[Prompt]:
    """Prompts of n users, which differ from their first line on, so that they share no prefix."""
    one = example_prompt(candidates, history)
    return [replace(one, before=f"Viewer {user} says hello.\n{one.before}") for user in range(n)]


def linear_weights(folder: Path) -> int:
    """Weights of a prepared model's linear layers: each is one multiplication and one addition a token."""
    total = 0
    for file in folder.glob("*.safetensors"):
        with safe_open(file, framework="pt") as weights:
            shapes = [weights.get_slice(name).get_shape() for name in weights.keys() if name.endswith("proj.weight")]  # noqa: SIM118 - no mapping
            total += sum(math.prod(shape) for shape in shapes)
    return total


def peak_mib(pid: int) -> float | None:
    """The most main memory that a process held, with its children's own; None where the system does not tell."""
    try:
        processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        told = [Path(f"/proc/{one.pid}/status").read_text(encoding="utf-8") for one in processes]
    except (OSError, psutil.Error):
        return None
    lines = [line for text in told for line in text.splitlines() if line.startswith("VmHWM:")]
    return sum(int(line.split()[1]) for line in lines) / 1024


def listener(url: str) -> int | None:
    """The process on this machine that listens on the port of a URL; None if there is none to be seen."""
    try:
        sockets = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return None
    port = urlsplit(url).port
    return next((one.pid for one in sockets if one.status == psutil.CONN_LISTEN and one.laddr.port == port), None)


async def level(contender: Contender, asked: Sequence[Prompt], concurrency: int, weights: int) -> Level:
    """Every prompt once, so many at a time."""
    turns = asyncio.Semaphore(concurrency)

    async def one(prompt: Prompt) -> tuple[float, Scored]:
        async with turns:
            start = time.perf_counter()
            scored = await contender.score(prompt)
            return time.perf_counter() - start, scored

    start = time.perf_counter()
    found = await asyncio.gather(*[one(prompt) for prompt in asked])
    wall = time.perf_counter() - start
    tokens = [scored.tokens for _, scored in found if scored.tokens is not None]
    return Level(
        concurrency=concurrency,
        seconds=tuple(seconds for seconds, _ in found),
        users_per_second=len(asked) / wall,
        flops_per_second=2 * weights * sum(tokens) / wall if len(tokens) == len(found) else None,
    )


async def levels(contender: Contender, name: str, task: Task, weights: int) -> tuple[Scored, tuple[Level, ...]]:
    """The first user's scores and all levels; who keeps prefixes has seen every user before."""
    asked = prompts(max(task.users, *task.levels), task.candidates, task.history)
    first = await contender.score(asked[0])
    if name in ("packed, prefix known", VLLM):
        for prompt in asked[1:]:
            await contender.score(prompt)
    found = [
        await level(contender, asked[: max(task.users, concurrency)], concurrency, weights)
        for concurrency in task.levels
    ]
    return first, tuple(found)


def measure(name: str, task: Task) -> Measured | str:
    """One contender in this process; what its server said if there is none to ask."""
    ceiling = matmul_flops_per_second(getattr(torch, task.setting.dtype), _WIDTH, (_WIDTH, _WIDTH), in_a_row=2)
    weights = linear_weights(prepare(ModelSettings().name, task.setting.cache))
    try:
        contender = CONTENDERS[name](task.setting)
    except ServerError as error:
        return str(error)
    with closing(contender):
        first, found = asyncio.run(levels(contender, name, task, weights))
        pid = listener(task.setting.vllm_url) if name == VLLM else psutil.Process().pid
        peak = None if pid is None else peak_mib(pid)
    return Measured(margins=first.margins, levels=found, ceiling=ceiling, peak_mib=peak)


def report(found: dict[str, Measured], task: Task, console: Console) -> None:
    """Prints the table, and how far the scores lie apart."""
    table = Table(title=f"{task.candidates} candidates, {task.history} past items, {task.setting.dtype}")
    for column in ("way", "at a time", "n", "p50 ms", "p95 ms", "users/s", "of matmul", "peak MiB"):
        table.add_column(column, justify="left" if column == "way" else "right")
    for name, one in found.items():
        for each in one.levels:
            share = None if each.flops_per_second is None else each.flops_per_second / one.ceiling
            table.add_row(
                name,
                str(each.concurrency),
                str(len(each.seconds)),
                f"{statistics.median(each.seconds) * 1000:,.0f}",
                f"{each.percentile(0.95) * 1000:,.0f}",
                f"{each.users_per_second:.2f}",
                "" if share is None else f"{share:.0%}",
                "" if one.peak_mib is None else f"{one.peak_mib:,.0f}",
            )
    console.print(table)
    reference, *others = found
    for name in others:
        pairs = list(zip(found[name].margins, found[reference].margins, strict=True))
        apart = max(abs(own - other) for own, other in pairs)
        tau = kendalltau(*zip(*pairs, strict=True)).statistic
        console.print(f"{name}: scores at most {apart:.1e} from those of {reference}, Kendall's tau {tau:.3f}")
    ceilings = ", ".join(f"{one.ceiling / 1e9:,.0f}" for one in found.values())
    console.print(f"Matrix product ({_WIDTH} x {_WIDTH}, {task.setting.dtype}) before each way: {ceilings} GFLOP/s")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description="Ways to score side by side on the same prompts.")
    parser.add_argument("--ways", nargs="+", choices=CONTENDERS, default=[name for name in CONTENDERS if name != VLLM])
    parser.add_argument("--vllm-url", default=None, help="also asks the vLLM server that runs there")
    parser.add_argument("--candidates", type=int, default=20)
    parser.add_argument("--history", type=int, default=10)
    parser.add_argument("--users", type=int, default=4, help="users at each level, at least its requests at a time")
    parser.add_argument("--at-a-time", type=int, nargs="+", default=[1, 4, 16], help="requests at the same time")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--cache", type=Path, default=Path(platformdirs.user_cache_dir("fewrec")))
    chosen = parser.parse_args(arguments)
    console = Console(width=110)
    task = Task(
        setting=Setting(dtype=chosen.dtype, cache=chosen.cache, vllm_url=chosen.vllm_url or ""),
        candidates=chosen.candidates,
        history=chosen.history,
        users=chosen.users,
        levels=tuple(chosen.at_a_time),
    )
    ways = [name for name in chosen.ways if name != VLLM] + [VLLM] * (chosen.vllm_url is not None)
    found = {}
    for name in ways:
        one = alone(measure)(name, task)
        if isinstance(one, str):
            console.print(f"{name} left out: {one}", highlight=False, markup=False)
        else:
            found[name] = one
    report(found, task, console)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
