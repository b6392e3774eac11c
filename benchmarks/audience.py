"""Whom a new item is for, over many users: python -m benchmarks.audience.

Retrieval alone, then the model's pass over the users that it found. Generated data (seed 7): 5,000 items of ten kinds,
ten interactions a user, three of four of a kind that the user likes.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from ranking.factory import open_on, open_settings_store
from ranking.settings import Settings, load_settings
from retrieval.retriever import Retriever
from retrieval.store import Store
from retrieval.types import Interaction, Item, User

ITEMS, TAKEN, KINDS = 5_000, 10, 10
MOST_P50_MS = 100.0
_WORDS = ("ghost", "wedding", "space", "western", "heist", "jungle", "tennis", "chess", "opera", "pirate")
_CHUNK = 5_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints retrieval's p50 and p95 and the seconds of the model's pass; 1 if p50 is over 100 ms."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--asked", type=int, default=100, help="users that the model ranks")
    parser.add_argument("--items", type=int, default=50, help="new items asked for, one after the other")
    parser.add_argument("--no-llm", action="store_true", help="retrieval alone")
    chosen = parser.parse_args(arguments)
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(home=Path(folder))
        with open_settings_store(settings) as store:
            new = _fill(store, chosen.users, chosen.items)
            store.catch_up()
            times = _retrieval(store, settings, new, chosen.asked)
            p50, p95 = np.percentile(times, [50, 95])
            console.print(f"{chosen.users:,} users: retrieval p50 {p50:.1f} ms, p95 {p95:.1f} ms, n = {len(times)}")
            if not chosen.no_llm:
                asyncio.run(_llm(store, settings, new[: min(5, len(new))], chosen.asked, console))
    return 0 if p50 <= MOST_P50_MS else 1


def _fill(store: Store, n_users: int, n_new: int) -> list[str]:
    """Writes the data; ids of the new items."""
    draw = np.random.default_rng(7)
    titles = [f"The {_WORDS[n % KINDS]} story {n}" for n in range(ITEMS + n_new)]
    store.record.put_items([Item(item_id=f"i{n:05d}", title=title) for n, title in enumerate(titles)])
    for first in range(0, n_users, _CHUNK):
        users = range(first, min(first + _CHUNK, n_users))
        store.record.put_users([User(user_id=f"u{user:06d}") for user in users])
        store.record.put_interactions([one for user in users for one in _taken(user, draw)])
    return [f"i{n:05d}" for n in range(ITEMS, ITEMS + n_new)]


def _taken(user: int, draw: np.random.Generator) -> list[Interaction]:
    places = draw.integers(ITEMS // KINDS, size=TAKEN) * KINDS
    kinds = np.where(draw.random(TAKEN) < 0.75, user % KINDS, draw.integers(KINDS, size=TAKEN))
    items = dict.fromkeys((places + kinds).tolist())
    return [
        Interaction(user_id=f"u{user:06d}", item_id=f"i{item:05d}", timestamp=1e9 + at) for at, item in enumerate(items)
    ]


def _retrieval(store: Store, settings: Settings, new: Sequence[str], n: int) -> list[float]:
    """Milliseconds for each new item, after one to warm up (it reads all interactions)."""
    audience = Retriever(store.record, store.index, store.embedder, settings.retrieval).audience
    audience.retrieve(new[0], n)
    times = []
    for item_id in new:
        start = time.perf_counter()
        audience.retrieve(item_id, n)
        times.append((time.perf_counter() - start) * 1000)
    return times


async def _llm(store: Store, settings: Settings, new: Sequence[str], n: int, console: Console) -> None:
    with open_on(store, settings) as recommender:
        await recommender.audience.rank(new[0], n)
        seconds, tokens = [], 0
        for item_id in new:
            answer = await recommender.audience.rank(item_id, n)
            seconds.append(next(stage.seconds for stage in answer.stages if stage.name == "llm"))
            tokens = answer.prompt_tokens
        told = f"{np.median(seconds):.2f} s, {tokens:,} tokens, median of {len(seconds)}"
        console.print(f"the model's pass over {len(answer.users)} users: {told} ({answer.ranked_by})")


if __name__ == "__main__":
    sys.exit(main())
