"""Import speed and memory, embeddings included: a generated data set in ML-100K's proportions and one ten times larger.

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
TIMES = 10
MOST_GROWTH = 12.0
_WORDS = ("Quiet", "Broken", "Golden", "Hidden", "Distant", "Burning", "Harbour", "Mirror", "Orchard", "Signal")


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One import: rows of the interactions file, seconds into the record and the index, peak memory since start."""

    rows: int
    record_s: float
    index_s: float
    peak_mib: float

    @property
    def seconds(self) -> float:
        """Both parts."""
        return self.record_s + self.index_s


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints rows per second, peak memory and the growth of time; 1 if ten times the rows take over twelve times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--share", type=float, default=0.3, help="of ML-100K's size for the smaller set; 1 takes ten minutes or more"
    )
    share = parser.parse_args(arguments).share
    embedder = SentenceEmbedder("all-MiniLM-L6-v2", 64)
    embedder.embed(["The model is loaded before the clock starts."])
    console = Console()
    measured = [_measure(share * times, embedder) for times in (1, TIMES)]
    console.print(_table(measured))
    small, large = measured
    growth = large.seconds / small.seconds
    console.print(
        f"{large.rows / small.rows:.0f} times the rows take {growth:.1f} times as long (record "
        f"{large.record_s / small.record_s:.1f}, index {large.index_s / small.index_s:.1f})"
    )
    return 0 if growth <= MOST_GROWTH else 1


def _table(measured: Sequence[Measured]) -> Table:
    table = Table(title="Import with embeddings (generated data, seed 7)")
    for column in ("interactions", "record s", "rows/s into the record", "index s", "rows/s in all", "peak MiB"):
        table.add_column(column, justify="right")
    for one in measured:
        table.add_row(
            f"{one.rows:,}",
            f"{one.record_s:.1f}",
            f"{one.rows / one.record_s:,.0f}",
            f"{one.index_s:.1f}",
            f"{one.rows / one.seconds:,.0f}",
            f"{one.peak_mib:,.0f}",
        )
    return table


def _measure(times: float, embedder: SentenceEmbedder) -> Measured:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _generate(folder, times)
        with open_store(home=folder / "home", record_url=None, index_url=None, embedder=embedder) as store:
            plan = ImportPlan(items=open_table(folder / "i.csv"), interactions=open_table(folder / "r.csv"))
            begun = time.perf_counter()
            report = import_tables(store.record, plan, folder / "rejects.jsonl")
            recorded = time.perf_counter()
            store.catch_up()
            indexed = time.perf_counter()
        return Measured(
            rows=report.tables[1].read,
            record_s=recorded - begun,
            index_s=indexed - recorded,
            peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        )


def _generate(folder: Path, times: float) -> None:
    drawn = random.Random(7)  # noqa: S311 - data, not secrets
    n_items, n_users, n_rows = (round(one * times) for one in (ITEMS, USERS, INTERACTIONS))
    with (folder / "i.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("item_id", "title", "genres"))
        for item in range(n_items):
            rows.writerow((f"i{item}", f"The {drawn.choice(_WORDS)} {drawn.choice(_WORDS)} {item}", "Drama|Comedy"))
    weights = list(itertools.accumulate(1 / (rank + 10) for rank in range(n_items)))
    pairs: dict[tuple[int, int], None] = {}
    while len(pairs) < n_rows:
        users = (drawn.randrange(n_users) for _ in range(INTERACTIONS))
        items = drawn.choices(range(n_items), cum_weights=weights, k=INTERACTIONS)
        pairs.update(dict.fromkeys(zip(users, items, strict=False)))
    with (folder / "r.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("user_id", "item_id", "rating", "timestamp"))
        for at, (user, item) in enumerate(itertools.islice(pairs, n_rows)):
            rows.writerow((f"u{user}", f"i{item}", drawn.randint(1, 5), 1_000_000_000 + at))


if __name__ == "__main__":
    sys.exit(main())
