"""The list right after a feedback, over many interactions: python -m benchmarks.feedback_speed.

A user likes something and asks for a list without the LLM, in turns: once the retriever reads what changed, once all
interactions again, as it had to before. The catalogue is small and drawn (benchmarks.drawn), so that the interactions
are what is measured; the index knows the items only.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks.drawn import DrawnEmbedder, fill, fill_record
from benchmarks.service_catalogue import recommender_of
from ranking.recommender import Recommender
from retrieval.record import InteractionColumns, Record
from retrieval.record.types import Feedback
from retrieval.store import Store, open_store
from retrieval.types import Query

_PER_USER = 20


class ReadWhole(Record):
    """Reads all interactions again after each write."""

    def interaction_columns(self, known: InteractionColumns | None = None) -> InteractionColumns:
        """All interactions, whatever is known."""
        return known if known is not None and known.version == self.version() else super().interaction_columns()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark; 1 if a list recommends what its user has just liked."""
    parser = argparse.ArgumentParser(description="The list right after a feedback.")
    parser.add_argument("--interactions", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--items", type=int, default=2_000)
    parser.add_argument("--turns", type=int, default=50)
    parser.add_argument("--whole-turns", type=int, default=5, help="of these, with all interactions read again")
    chosen = parser.parse_args(arguments)
    console = Console(width=110, highlight=False)
    stale = 0
    for n in chosen.interactions:
        with tempfile.TemporaryDirectory() as name:
            home, n_users = Path(name), n // _PER_USER
            with open_store(home=home, record_url=None, index_url=None, embedder=DrawnEmbedder()) as store:
                fill(store, n_items=chosen.items, n_users=0, per_user=_PER_USER)
                fill_record(store.record, n_items=chosen.items, n_users=n_users, per_user=_PER_USER)
                stale += asyncio.run(_measured(store, home, chosen.turns, chosen.whole_turns, console))
    return int(stale > 0)


async def _measured(store: Store, home: Path, turns: int, whole_turns: int, console: Console) -> int:
    """How many lists held what was liked just before."""
    whole_record = ReadWhole.open(store.record.place)
    following, whole = recommender_of(store, home), recommender_of(store, home, whole_record)
    counts, drawn, stale = store.record.counts(), np.random.default_rng(3), 0
    quiet: list[float] = []
    after: list[float] = []
    before: list[float] = []
    for turn in range(-1, turns):  # the first turn warms up: it reads everything
        user_id, item_id = f"u{drawn.integers(counts.users)}", f"i{drawn.integers(counts.items)}"
        asked = [(following, after), (following, quiet)] + [(whole, before)] * (turn < whole_turns)
        for at, (recommender, times) in enumerate(asked):
            if times is not quiet:
                _like(store.record, user_id, item_id, f"{turn}-{at}")
            seconds, listed = await _list(recommender, user_id)
            stale += item_id in listed
            if turn >= 0:
                times.append(seconds)
    whole_record.close()
    console.print(
        f"{counts.interactions:,} interactions: list right after a feedback, p50 of {turns}: {_ms(after)}; "
        f"without a write before it {_ms(quiet)}; with all interactions read again, p50 of {len(before)}: "
        f"{_ms(before)}, {np.median(before) / np.median(after):.1f} times as long; stale lists: {stale}"
    )
    return stale


def _like(record: Record, user_id: str, item_id: str, feedback_id: str) -> None:
    like = Feedback(feedback_id=feedback_id, user_id=user_id, item_id=item_id, kind="like", timestamp=time.time())
    record.feedback().give(like)


async def _list(recommender: Recommender, user_id: str) -> tuple[float, list[str]]:
    start = time.perf_counter()
    answer = await recommender.recommend(Query(user_id=user_id), 10)
    return time.perf_counter() - start, [entry.item.item_id for entry in answer.items]


def _ms(seconds: Sequence[float]) -> str:
    return f"{np.median(seconds) * 1000:.1f} ms"


if __name__ == "__main__":
    raise SystemExit(main())
