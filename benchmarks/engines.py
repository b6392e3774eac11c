"""Engines side by side: the same prompts and model, in turns, at several numbers of requests at the same time.

Start a server first (fewrec vllm serve), then run it alone: python -m benchmarks.engines
"""

from __future__ import annotations

import argparse
import asyncio
import math
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import platformdirs
from rich.console import Console
from rich.table import Table
from scipy.stats import kendalltau

from benchmarks.packed_scoring import example_prompt
from prompts.types import Prompt
from ranking.engine_settings import VllmSettings
from ranking.errors import ServerError
from ranking.protocol import Engine
from ranking.settings import ModelSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One engine at one number of requests at the same time."""

    engine: str
    concurrency: int
    seconds: tuple[float, ...]
    """Of each request."""
    users_per_second: float

    def percentile(self, share: float) -> float:
        """The smallest time that so large a share of the requests does not exceed, in seconds."""
        return sorted(self.seconds)[max(0, math.ceil(share * len(self.seconds)) - 1)]


def prompts(n: int, candidates: int, history: int) -> list[Prompt]:
    """Prompts of n users, which differ from their first line on, so that they share no prefix."""
    one = example_prompt(candidates, history)
    return [replace(one, before=f"Viewer {user} says hello.\n{one.before}") for user in range(n)]


async def measure(name: str, engine: Engine, asked: Sequence[Prompt], concurrency: int) -> Measured:
    """Every prompt once, so many at a time, each user's prefix known from a round before."""
    turns = asyncio.Semaphore(concurrency)

    async def one(prompt: Prompt) -> float:
        async with turns:
            start = time.perf_counter()
            await engine.score([prompt])
            return time.perf_counter() - start

    start = time.perf_counter()
    seconds = await asyncio.gather(*[one(prompt) for prompt in asked])
    return Measured(
        engine=name,
        concurrency=concurrency,
        seconds=tuple(seconds),
        users_per_second=len(asked) / (time.perf_counter() - start),
    )


@contextmanager
def opened(cache: Path, dtype: str, url: str, console: Console) -> Iterator[dict[str, Engine]]:
    """The engines that are there; one whose server does not answer is left out and said so."""
    from ranking.engines.transformers import TransformersEngine
    from ranking.engines.vllm import VllmEngine

    model = ModelSettings.model_validate({"dtype": dtype})
    with ExitStack() as stack:
        found: dict[str, Engine] = {"transformers": stack.enter_context(closing(TransformersEngine(model, cache)))}
        server = VllmSettings(url=url, read_timeout_s=600, timeout_s=600)
        try:
            found["vllm"] = stack.enter_context(closing(VllmEngine(model, server, cache)))
        except ServerError as error:
            console.print(f"left out: {error}", highlight=False, markup=False)
        yield found


async def margins(engine: Engine, prompt: Prompt) -> list[float]:
    """The first label's lead over the second, for each candidate."""
    [scores] = await engine.score([prompt])
    logits = [branch.label_logits for branch in scores.branches]
    return [pair[0] - pair[1] for pair in logits if pair is not None]


async def run(engines: dict[str, Engine], asked: Sequence[Prompt], levels: Sequence[int], console: Console) -> None:
    """Measures all engines in turns and prints the table."""
    reference = await margins(engines["transformers"], asked[0])
    for name, engine in engines.items():
        values = await margins(engine, asked[0])
        apart = max(abs(a - b) for a, b in zip(values, reference, strict=True))
        tau = kendalltau(values, reference).statistic
        console.print(f"{name}: scores at most {apart:.1e} from the embedded engine's, Kendall's tau {tau:.3f}")
        await measure(name, engine, asked, 1)
    table = Table(title=f"{len(asked[0].branches)} candidates, {len(asked)} users, warm")
    for column in ("engine", "at a time", "p50 ms", "p95 ms", "users/s"):
        table.add_column(column, justify="left" if column == "engine" else "right")
    for concurrency in levels:
        for name, engine in engines.items():
            found = await measure(name, engine, asked, concurrency)
            table.add_row(
                name,
                str(concurrency),
                f"{statistics.median(found.seconds) * 1000:,.0f}",
                f"{found.percentile(0.95) * 1000:,.0f}",
                f"{found.users_per_second:.2f}",
            )
    console.print(table)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description="Engines side by side on the same prompts.")
    parser.add_argument("--candidates", type=int, default=20)
    parser.add_argument("--history", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=20, help="users, each asked once at every level")
    parser.add_argument("--at-a-time", type=int, nargs="+", default=[1, 4, 16], help="requests at the same time")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--url", default=VllmSettings().url)
    parser.add_argument("--cache", type=Path, default=Path(platformdirs.user_cache_dir("fewrec")))
    chosen = parser.parse_args(arguments)
    console = Console(width=110)
    with opened(chosen.cache, chosen.dtype, chosen.url, console) as engines:
        asked = prompts(chosen.rounds, chosen.candidates, chosen.history)
        asyncio.run(run(engines, asked, chosen.at_a_time, console))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
