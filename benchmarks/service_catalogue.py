"""Lists without the LLM over a large catalogue: python -m benchmarks.service_catalogue.

Items, users and vectors are drawn with a seed (benchmarks.drawn); the retrieval, the join, the signals' fusion and the
index are the real ones, asked in this process as the service asks them. Filling the store takes most of the time.
--keep FOLDER leaves the store there, and uses the one that is there already; --profile tells where the time goes.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import pstats
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks.drawn import DrawnEmbedder, fill
from prompts.template import load_template
from ranking.engines.scripted import ScriptedEngine
from ranking.factory import compose
from ranking.recommender import Recommender
from ranking.settings import load_settings
from retrieval.record import Record
from retrieval.retriever import Retriever
from retrieval.store import Store, open_store
from retrieval.types import Query

MOST_MS = 40.0
_WARM = 5


def recommender_of(store: Store, home: Path, record: Record | None = None) -> Recommender:
    """As served with `fusion: {llm: 0}`, which asks no engine; retrieval reads from `record`, None is the store's."""
    settings = load_settings(home=home, fusion={"llm": 0})
    retriever = Retriever(record or store.record, store.index, store.embedder, settings.retrieval)
    template = load_template("likelihood", "en")
    return compose(settings, store, ScriptedEngine(lambda *_: 0.0), template, retriever=retriever)


async def lists(recommender: Recommender, users: Sequence[str], console: Console) -> float:
    """Asks for each user's list; the median in milliseconds, and the stages printed."""
    walls: list[float] = []
    stages: dict[str, list[float]] = {}
    for at, user_id in enumerate(users):
        start = time.perf_counter()
        answer = await recommender.recommend(Query(user_id=user_id), 10)
        if at >= _WARM:
            walls.append(time.perf_counter() - start)
            for stage in answer.stages:
                stages.setdefault(stage.name, []).append(stage.seconds)
    p50, p95 = np.percentile(walls, [50, 95]) * 1000
    told = ", ".join(f"{name} {np.median(seconds) * 1000:.1f}" for name, seconds in stages.items())
    console.print(f"{len(walls)} lists: p50 {p50:.1f} ms, p95 {p95:.1f} ms; medians of stages, ms: {told}")
    return float(p50)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark; 1 if the median is over 40 ms."""
    parser = argparse.ArgumentParser(description="Lists without the LLM over a large catalogue.")
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--users", type=int, default=5_000, help="each takes 20 items")
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--profile", action="store_true")
    chosen = parser.parse_args(arguments)
    console = Console(width=110, highlight=False)
    with ExitStack() as stack:
        home = chosen.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        store = stack.enter_context(open_store(home=home, record_url=None, index_url=None, embedder=DrawnEmbedder()))
        start = time.perf_counter()
        if not store.record.counts().items:
            fill(store, n_items=chosen.items, n_users=chosen.users, per_user=20)
        counts = store.record.indexed().counts()
        console.print(
            f"{counts.items:,} items, {counts.interactions:,} interactions, {counts.demonstrations:,} demonstrations; "
            f"filled in {time.perf_counter() - start:.0f} s"
        )
        users = [f"u{at}" for at in np.random.default_rng(1).integers(chosen.users, size=_WARM + chosen.requests)]
        recommender, profile = recommender_of(store, home), cProfile.Profile()
        asked = lists(recommender, users, console)
        if not chosen.profile:
            return int(asyncio.run(asked) > MOST_MS)
        # The work is done in threads, so it is asked for here, where the profiler looks.
        asked.close()
        for user_id in users:
            profile.runcall(recommender.prepare, Query(user_id=user_id), 10)
        pstats.Stats(profile).sort_stats("cumulative").print_stats(30)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
