"""How long the erasure of a user takes, beside writing the index anew: python -m benchmarks.erasure.

Users are alike: each has 20 interactions with items of drawn vectors, 384 dimensions. Erasing ends with no file of the
index naming the user, which is what it took a whole new index for before; both are timed in turns on one store.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from benchmarks.drawn import DrawnEmbedder, fill
from retrieval.erasure import erase_user
from retrieval.store import open_store

_PER_USER = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description="Erasure of one user against a whole new index.")
    parser.add_argument("--interactions", type=int, default=20_000)
    parser.add_argument("--items", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args(arguments)
    console = Console(width=110)
    with tempfile.TemporaryDirectory() as name:
        embedder = DrawnEmbedder()
        with open_store(home=Path(name), record_url=None, index_url=None, embedder=embedder) as store:
            fill(store, n_items=chosen.items, n_users=chosen.interactions // _PER_USER, per_user=_PER_USER)
            counts = store.record.indexed().counts()
            erasures, rewrites = [], []
            for turn in range(chosen.rounds):
                erasures.append(_seconds(partial(erase_user, store, f"u{turn}")))
                rewrites.append(_seconds(store.rewrite))
            problem = store.status().problem
    erasing, rewriting = statistics.median(erasures), statistics.median(rewrites)
    console.print(
        f"{counts.items:,} items, {counts.interactions:,} interactions, {counts.demonstrations:,} demonstrations; "
        f"median of {chosen.rounds}: a user is erased in {erasing:.1f} s ({min(erasures):.1f} to {max(erasures):.1f}), "
        f"the index written anew in {rewriting:.1f} s; {rewriting / erasing:.0f} times as long",
        highlight=False,
    )
    if problem is not None:
        console.print(problem, highlight=False)
    return int(problem is not None)


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    raise SystemExit(main())
