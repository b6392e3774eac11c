"""The harness without a model: cases per second, memory, growth from 1,000 to 100,000 cases; its share of an LLM arm.

Cases are drawn with a seed: 20 candidates, histories of eight items, popularity after a power law. Each size runs in a
process of its own, so that its peak memory is its own. Run it alone: python -m benchmarks.evaluation_speed
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from evaluation.arms.baseline import BaselineRanker
from evaluation.arms.remembered import Forgetful
from evaluation.baselines.config import EmbeddingConfig, ItemKnnConfig, PopularityConfig
from evaluation.baselines.factory import build_baseline
from evaluation.config import parse_config
from evaluation.data.corpus import Columns, make_corpus
from evaluation.data.training import training_of
from evaluation.data.types import Corpus
from evaluation.metrics.facts import facts_of
from evaluation.metrics.registry import parse_metric
from evaluation.protocols.cases import CaseSet, make_cases
from evaluation.protocols.config import Sampled, ScenarioConfig
from evaluation.protocols.split import split_corpus
from evaluation.run.aggregates import write_aggregates
from evaluation.run.assemble import open_run
from evaluation.run.folder import Digests, RunFolder, Spec
from evaluation.run.journal import read_outcomes
from evaluation.run.questions import Asking
from evaluation.run.runner import Arm, run_arms
from evaluation.types import Training
from ranking.settings import load_settings
from retrieval.sample.catalogue import sample_interactions, sample_items
from retrieval.types import Item, User

SIZES = (1_000, 10_000, 100_000)
ARMS = (PopularityConfig(), EmbeddingConfig(pooling="max"), ItemKnnConfig())
SEED = 7
LEAST_CASES_PER_S = 2_000
MOST_OVERHEAD = 0.05
LLM_CASES = 30
_ITEMS, _DIMENSION, _PER_USER = 5_000, 384, 10
_CONFIG = b"""
data: {kind: files, items: items.jsonl, interactions: interactions.jsonl}
protocol: {kind: sampled}
baseline: llm
metrics: [ndcg@10]
arms:
  llm: {kind: llm}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """Made-up cases and what is known when they are asked."""

    training: Training
    cases: CaseSet


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints both measurements; 1 if the harness is slower than it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, help="measure this one size and print JSON")
    size = parser.parse_args(arguments).cases
    if size is not None:
        sys.stdout.write(json.dumps(measure(size)) + "\n")
        return 0
    console = Console()
    rates = [f"{arm.kind}, cases/s" for arm in ARMS]
    table = Table("cases", "making them, s", *rates, "aggregates, s", "peak MiB")
    slowest = float("inf")
    for size in SIZES:
        command = [sys.executable, "-m", "benchmarks.evaluation_speed", "--cases", str(size)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        slowest = min(slowest, *found["rates"])
        cells = [f"{rate:,.0f}" for rate in found["rates"]]
        table.add_row(
            f"{size:,}", f"{found['making_s']:.1f}", *cells, f"{found['aggregates_s']:.1f}", f"{found['peak_mib']:,.0f}"
        )
    console.print(table)
    share = llm_overhead()
    console.print(f"LLM arm, {LLM_CASES} cases of the sample: the harness adds {share:.1%} to the recommender's time")
    return int(slowest < LEAST_CASES_PER_S or share > MOST_OVERHEAD)


def measure(n_cases: int) -> dict[str, object]:
    """Runs the arms over so many cases into a folder, as `fewrec evaluate` does. Rates include making and writing."""
    asked = _asked(n_cases)
    begun = time.perf_counter()
    n_made = sum(1 for _ in asked.cases)
    making = time.perf_counter() - begun
    rates = []
    digests = Digests(data="d" * 64, cases="c" * 64, arms={arm.kind: "a" * 64 for arm in ARMS})
    spec = Spec(name="speed", config={}, digests=digests, seeds={"run": SEED})
    with tempfile.TemporaryDirectory() as name, RunFolder(Path(name) / "run", spec) as folder:
        for config in ARMS:
            arm = _arm(config.kind, BaselineRanker(config.kind, build_baseline(config, asked.training, None, SEED)))
            begun = time.perf_counter()
            asyncio.run(run_arms(folder, [arm], asked.cases, seed=SEED))
            rates.append(n_made / (time.perf_counter() - begun))
        begun = time.perf_counter()
        write_aggregates(
            folder,
            arms=[arm.kind for arm in ARMS],
            metrics=[parse_metric("ndcg@10"), parse_metric("recall@10")],
            baseline="embedding",
            seed=SEED,
            facts=facts_of(asked.training),
        )
        aggregates = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"making_s": making, "rates": rates, "aggregates_s": aggregates, "peak_mib": peak}


def _arm(name: str, ranker: BaselineRanker) -> Arm:
    return Arm(name=name, digest="a" * 64, open=lambda: nullcontext(ranker), batch=512)


def llm_overhead() -> float:
    """Wall time of an LLM arm's run beside what the recommender itself took, on films of the bundled sample."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_sample(folder)
        file = parse_config(_CONFIG, source="overhead.yaml", base=folder, name="overhead")
        settings = load_settings(home=folder / "home")
        with open_run(file, settings, Asking(limit=LLM_CASES), scores=Forgetful()) as run:
            with run.arms[0].open() as ranker:
                asyncio.run(ranker.rank([next(iter(run.cases))]))  # loads the model
            with RunFolder(folder / "run", run.spec) as kept:
                begun = time.perf_counter()
                asyncio.run(run_arms(kept, run.arms, run.cases, seed=SEED))
                wall = time.perf_counter() - begun
            inside = sum(outcome.ranked.seconds for outcome in read_outcomes(folder / "run"))
    return wall / inside - 1.0


def _write_sample(folder: Path) -> None:
    films = [item for item in sample_items() if item.domain == "films"]
    ids = {item.item_id for item in films}
    items = [{"item_id": item.item_id, "title": item.title, "domain": "films"} for item in films]
    taken = [
        {"user_id": one.user_id, "item_id": one.item_id, "timestamp": one.timestamp}
        for one in sample_interactions()
        if one.item_id in ids
    ]
    for name, rows in (("items", items), ("interactions", taken)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _asked(n_cases: int) -> Asked:
    corpus = _corpus(n_cases)
    split = split_corpus(corpus, Sampled(), SEED)
    vectors = np.random.default_rng(SEED).normal(size=(_ITEMS, _DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    training = training_of(corpus, split.known, vectors)
    return Asked(training=training, cases=make_cases(corpus, split.test, training, Sampled(), ScenarioConfig(), SEED))


def _corpus(n_users: int) -> Corpus:
    """Ten items a user; the last is the test's, the one before it validation's."""
    places = (np.random.default_rng(SEED).power(0.4, size=(n_users, 3 * _PER_USER)) * _ITEMS).astype(np.int32)
    distinct = [list(dict.fromkeys(row))[:_PER_USER] for row in places.tolist()]
    lengths = [len(row) for row in distinct]
    item_ids = [f"i{number:05d}" for number in range(_ITEMS)]
    user_ids = tuple(f"u{number:06d}" for number in range(n_users))
    n_rows = sum(lengths)
    return make_corpus(
        "made up",
        {item_id: Item(item_id=item_id, title=f"Item {item_id}") for item_id in item_ids},
        {user_id: User(user_id=user_id) for user_id in user_ids},
        user_ids,
        Columns(
            user_index=np.repeat(np.arange(n_users, dtype=np.int32), lengths),
            item_index=np.array([item for row in distinct for item in row], dtype=np.int32),
            timestamps=np.concatenate([np.arange(length, dtype=np.float64) for length in lengths]),
            liked=np.ones(n_rows, dtype=np.bool_),
            ratings=np.full(n_rows, np.nan),
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
