"""Milliseconds that paid places add to a list: python -m benchmarks.auction.

10,000 campaigns: one for each of so many items, every second one with one or two conditions on the user (200 distinct
ones), bids from 0.01 to 2, budgets of 100 bids, every fourth with a cap. The time is that of the auction and of its
transaction, after the list was made. No model is asked; record, index, auction and charges are the real ones.
Catalogue, users and vectors are drawn with a seed (benchmarks.drawn); --keep FOLDER keeps the store.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks.drawn import DrawnEmbedder, fill
from prompts.template import load_template
from ranking.ads.auctioneer import with_ads
from ranking.ads.config import AdSettings
from ranking.calibration.curves import Platt
from ranking.calibration.file import Calibration, Fitted, Quality, scores_digest, write_calibration
from ranking.engines.scripted import ScriptedEngine
from ranking.factory import choose_fusion, compose
from ranking.settings import Settings, load_settings
from retrieval.campaigns import MICROS, Campaign
from retrieval.filters import Equals, Filter, Range
from retrieval.store import Store, open_store
from retrieval.types import Query, User

MOST_P50_MS = 5.0
_WARM, _CHUNK = 5, 5_000
_COUNTRIES, _AGES = 40, 160


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark; 1 if the median is over 5 ms."""
    parser = argparse.ArgumentParser(description="Milliseconds that paid places add to a list.")
    parser.add_argument("--campaigns", type=int, default=10_000)
    parser.add_argument("--items", type=int, default=20_000, help="at least as many as campaigns")
    parser.add_argument("--users", type=int, default=2_000, help="each takes 20 items")
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--keep", type=Path)
    chosen = parser.parse_args(arguments)
    console = Console(width=110, highlight=False)
    with ExitStack() as stack:
        home = chosen.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        store = stack.enter_context(open_store(home=home, record_url=None, index_url=None, embedder=DrawnEmbedder()))
        if not store.record.counts().items:
            fill(store, n_items=chosen.items, n_users=chosen.users, per_user=20)
        _fill_market(store, chosen.campaigns, chosen.users)
        settings = load_settings(home=home, fusion={"llm": 0}, ads=AdSettings(holdout=0))
        _calibrate(settings)
        users = [f"u{at}" for at in np.random.default_rng(1).integers(chosen.users, size=_WARM + chosen.requests)]
        added = asyncio.run(_added(store, settings, users, console))
    p50, p95 = np.percentile(added, [50, 95])
    console.print(f"{chosen.campaigns:,} campaigns add p50 {p50:.2f} ms, p95 {p95:.2f} ms to a list, n = {len(added)}")
    return int(p50 > MOST_P50_MS)


def _fill_market(store: Store, n: int, n_users: int) -> None:
    draw = np.random.default_rng(3)
    store.record.put_users(
        [User(user_id=f"u{at}", attributes={"age": 18.0 + at % 60, "country": f"c{at % 9}"}) for at in range(n_users)]
    )
    bids = (draw.uniform(0.01, 2, size=n) * MICROS).astype(int)
    campaigns = [
        Campaign(
            campaign_id=f"campaign-{at:06d}",
            item_id=f"i{at}",
            bid=int(bid),
            daily_budget=100 * int(bid),
            currency="EUR",
            targeting=_targeting(at, draw),
            cap_per_day=3 if at % 4 == 0 else None,
        )
        for at, bid in enumerate(bids)
    ]
    for first in range(0, n, _CHUNK):
        store.record.ads().campaigns.put(campaigns[first : first + _CHUNK])


def _targeting(at: int, draw: np.random.Generator) -> tuple[Filter, ...]:
    country = Equals(attribute="country", value=f"c{draw.integers(_COUNTRIES)}")
    age = Range(attribute="age", low=float(draw.integers(_AGES)) / 4)
    return ((), (country,), (), (age, country))[at % 4]


def _calibrate(settings: Settings) -> None:
    """A made-up curve: how long it takes does not depend on how good it is."""
    quality = Quality(log_loss=0.1, log_loss_of_base=0.1, ece=0, ece_mass=0, bins=())
    fitted = Fitted(
        curve=Platt(slope=1.0, intercept=-3.5),
        n_cases=100,
        n_candidates=2000,
        base_rate=0.03,
        quality=quality,
        rejected={},
        model=None,
    )
    digest = scores_digest(settings, choose_fusion(settings))
    longest = settings.retrieval.n_candidates
    made = Calibration(made_at="2026-01-01T00:00:00+00:00", scores_digest=digest, longest=longest, signals=fitted)
    write_calibration(settings.home, made)


async def _added(store: Store, settings: Settings, users: Sequence[str], console: Console) -> list[float]:
    recommender = compose(settings, store, ScriptedEngine(lambda *_: 0.0), load_template("likelihood", "en"))
    added, plain, selling, sold = list[float](), list[float](), list[float](), 0
    for at, user_id in enumerate(users):
        start = time.perf_counter()
        answer = await recommender.recommend(Query(user_id=user_id), 10)
        between = time.perf_counter()
        paid = await with_ads(recommender.auctioneer, answer)
        took = (time.perf_counter() - between) * 1000
        if at == 0:
            console.print(f"the first list reads all campaigns: {took / 1000:.1f} s")
        if at >= _WARM:
            plain.append((between - start) * 1000)
            added.append(took)
            selling += [took] if paid.sponsored else []
            sold += len(paid.sponsored)
    console.print(f"the list itself: p50 {np.median(plain):.1f} ms; {sold / len(added):.2f} places sold per list")
    if selling:
        p50, p95 = np.percentile(selling, [50, 95])
        console.print(f"lists that sold a place: p50 {p50:.2f} ms, p95 {p95:.2f} ms, n = {len(selling)}")
    return added


if __name__ == "__main__":
    raise SystemExit(main())
