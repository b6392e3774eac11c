"""Attention by structure against the dense mask, in turns in one run: python -m benchmarks.attention.

480 tokens: 20 branches of 17 behind a prefix of 140. Each round runs both ways, so that what else the machine does hits
both alike; the ratio is the median over rounds. In float32 the hidden states must be the same (1e-3 of their size).
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs
import torch
from rich.console import Console
from rich.table import Table

from ranking.engines.packed_model import PackedModel, load_model
from ranking.engines.packing import Piece
from ranking.settings import ModelSettings

_TOLERANCE = 1e-3


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """Seconds of each round, in order."""

    structure: tuple[float, ...]
    dense: tuple[float, ...]
    difference: float
    """Largest difference of a hidden state, as a share of the largest hidden state."""

    @property
    def ratio(self) -> float:
        """How many times as long the dense mask takes."""
        return statistics.median(dense / own for own, dense in zip(self.structure, self.dense, strict=True))


def example_piece(prefix: int, branches: int, length: int) -> Piece:
    """Invented tokens: what they say makes no difference to the time."""
    ids = np.random.default_rng(0).integers(100, 40_000, prefix + branches * length).tolist()
    return Piece(
        prefix=tuple(ids[:prefix]),
        cached=0,
        branches=tuple(tuple(ids[prefix + at * length : prefix + (at + 1) * length]) for at in range(branches)),
    )


def measure(structure: PackedModel, dense: PackedModel, piece: Piece, rounds: int) -> Measured:
    """Both ways, `rounds` times in turns after one round to warm up."""

    def timed(model: PackedModel) -> float:
        start = time.perf_counter()
        model.forward([piece])
        return time.perf_counter() - start

    with torch.inference_mode():
        one, other = structure.forward([piece]).hidden.float(), dense.forward([piece]).hidden.float()
        pairs = [(timed(structure), timed(dense)) for _ in range(rounds)]
    return Measured(
        structure=tuple(pair[0] for pair in pairs),
        dense=tuple(pair[1] for pair in pairs),
        difference=((one - other).abs().max() / other.abs().max()).item(),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark; 1 if the two differ in float32."""
    parser = argparse.ArgumentParser(description="Attention by structure against the dense mask.")
    parser.add_argument("--prefix", type=int, default=140)
    parser.add_argument("--branches", type=int, default=20)
    parser.add_argument("--length", type=int, default=17)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--cache", type=Path, default=Path(platformdirs.user_cache_dir("fewrec")))
    chosen = parser.parse_args(arguments)
    settings = ModelSettings(device="cpu", dtype=chosen.dtype, threads=chosen.threads)
    models = [load_model(settings, chosen.cache, structured=structured) for structured in (True, False)]
    piece = example_piece(chosen.prefix, chosen.branches, chosen.length)
    measured = measure(models[0], models[1], piece, chosen.rounds)
    table = Table(
        title=f"{chosen.branches} branches of {chosen.length} tokens behind {chosen.prefix}, {chosen.dtype}, "
        f"{torch.get_num_threads()} threads, {chosen.rounds} rounds"
    )
    for column in ("attention", "p50 ms", "p95 ms", "fastest ms"):
        table.add_column(column, justify="left" if column == "attention" else "right")
    for name, seconds in (("by structure", measured.structure), ("dense mask", measured.dense)):
        p50, p95 = np.percentile(seconds, [50, 95]) * 1000
        table.add_row(name, f"{p50:,.0f}", f"{p95:,.0f}", f"{min(seconds) * 1000:,.0f}")
    console = Console(width=110)
    console.print(table)
    console.print(
        f"The dense mask takes {measured.ratio:.2f} times as long; largest difference {measured.difference:.1e}"
    )
    return int(chosen.dtype == "float32" and measured.difference > _TOLERANCE)


if __name__ == "__main__":
    raise SystemExit(main())
