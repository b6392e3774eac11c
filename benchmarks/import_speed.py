"""Import speed and memory: a generated data set of ML-100K's size, embeddings included, and one ten times larger.

Items and users are drawn with a seed; popularity follows a Zipf law. Run it alone: python -m benchmarks.import_speed
"""

from __future__ import annotations

import argparse
import csv
import itertools
import random
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from retrieval.embedder import SentenceEmbedder
from retrieval.importing.importer import import_tables
from retrieval.importing.plan import ImportPlan
from retrieval.importing.tables import open_table
from retrieval.store import open_store

ITEMS, USERS, INTERACTIONS = 1_682, 943, 100_000
MOST_GROWTH = 12.0
_WORDS = ("Quiet", "Broken", "Golden", "Hidden", "Distant", "Burning", "Harbour", "Mirror", "Orchard", "Signal")


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One import: rows of the interactions file, seconds into the record, seconds into the index (None if left out)."""

    rows: int
    record_s: float
    index_s: float | None


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints rows per second, peak memory and the growth of time; --full also indexes the larger set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="index the ten times larger set too (several minutes)")
    full = parser.parse_args(arguments).full
    small = _measure(1, index=True)
    large = _measure(10, index=full)
    table = Table(title="Import (generated data, seed 7)")
    for column in ("interactions", "record s", "rows/s into the record", "index s", "rows/s in all"):
        table.add_column(column, justify="right")
    for one in (small, large):
        index = "left out" if one.index_s is None else f"{one.index_s:.1f}"
        whole = "" if one.index_s is None else f"{one.rows / (one.record_s + one.index_s):,.0f}"
        table.add_row(f"{one.rows:,}", f"{one.record_s:.1f}", f"{one.rows / one.record_s:,.0f}", index, whole)
    console = Console()
    console.print(table)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    console.print(
        f"10 times the rows take {large.record_s / small.record_s:.1f} times as long into the record; ", end=""
    )
    console.print(f"peak memory of this process {peak:,.0f} MiB")
    return 0 if large.record_s <= MOST_GROWTH * small.record_s else 1


def _measure(times: int, *, index: bool) -> Measured:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _generate(folder, times)
        embedder = SentenceEmbedder("all-MiniLM-L6-v2", 64)
        with open_store(home=folder / "home", record_url=None, index_url=None, embedder=embedder) as store:
            plan = ImportPlan(items=open_table(folder / "i.csv"), interactions=open_table(folder / "r.csv"))
            begun = time.perf_counter()
            report = import_tables(store.record, plan, folder / "rejects.jsonl")
            record_s = time.perf_counter() - begun
            begun = time.perf_counter()
            if index:
                store.catch_up()
            index_s = time.perf_counter() - begun if index else None
        return Measured(rows=report.tables[1].read, record_s=record_s, index_s=index_s)


def _generate(folder: Path, times: int) -> None:
    drawn = random.Random(7)  # noqa: S311 - data, not secrets
    with (folder / "i.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("item_id", "title", "genres"))
        for item in range(ITEMS * times):
            rows.writerow((f"i{item}", f"The {drawn.choice(_WORDS)} {drawn.choice(_WORDS)} {item}", "Drama|Comedy"))
    n_items = ITEMS * times
    weights = list(itertools.accumulate(1 / (rank + 10) for rank in range(n_items)))
    pairs: dict[tuple[int, int], None] = {}
    while len(pairs) < INTERACTIONS * times:
        users = (drawn.randrange(USERS * times) for _ in range(INTERACTIONS))
        items = drawn.choices(range(n_items), cum_weights=weights, k=INTERACTIONS)
        pairs.update(dict.fromkeys(zip(users, items, strict=False)))
    with (folder / "r.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("user_id", "item_id", "rating", "timestamp"))
        for at, (user, item) in enumerate(itertools.islice(pairs, INTERACTIONS * times)):
            rows.writerow((f"u{user}", f"i{item}", drawn.randint(1, 5), 1_000_000_000 + at))


if __name__ == "__main__":
    sys.exit(main())
