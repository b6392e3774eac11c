"""The simulation as a command: python -m evaluation.ads --data ml-100k --data-dir FOLDER."""

from __future__ import annotations

import argparse
import asyncio
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from evaluation.ads.filling import SAMPLE, fill, forget
from evaluation.ads.market import HeldOut, hold_out
from evaluation.ads.simulation import Ground, Visitor, Way, ndcg, page_of, simulate
from evaluation.ads.table import table_of
from evaluation.calibration.command import Order, calibrate
from prompts.template import load_template
from ranking.ads.config import AdSettings
from ranking.calibration.file import Calibration
from ranking.engines.scripted import ScriptedEngine
from ranking.factory import choose_fusion, compose
from ranking.settings import Settings, load_settings
from retrieval.campaigns import SECONDS_A_DAY
from retrieval.embedder import SentenceEmbedder
from retrieval.protocol import Embedder
from retrieval.record import Record
from retrieval.store import Store, open_store
from retrieval.types import Query

_FAIR = AdSettings(holdout=0)
_PAID = _FAIR.model_copy(update={"pays": "impression"})
_ASAP = _PAID.model_copy(update={"pacing": "asap"})
WAYS = (
    Way(name="auction", settings=_FAIR),
    Way(name="auction, no floor", settings=_FAIR.model_copy(update={"floor": 0.0})),
    Way(name="bid alone", settings=_FAIR.model_copy(update={"floor": 0.0}), by_bid_alone=True),
    Way(name="auction", settings=_PAID),
    Way(name="auction, no pacing", settings=_ASAP),
    Way(name="bid alone", settings=_PAID.model_copy(update={"floor": 0.0}), by_bid_alone=True),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The options of the command."""

    data: str
    data_dir: Path | None
    held_out: int
    markets: int
    campaigns: int
    seed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Given:
    """What `calibrate` is handed."""

    out: Console
    err: Console
    fixed: Settings

    def settings(self) -> Settings:
        return self.fixed


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.ads", description=__doc__)
    parser.add_argument("--data", default=SAMPLE, help="sample, or a data set that fewrec import knows")
    parser.add_argument("--data-dir", type=Path, help="folder of its files; else they are downloaded")
    parser.add_argument("--held-out", type=int, default=10, help="latest likes of a user that decide on clicks")
    parser.add_argument("--markets", type=int, default=10, help="days, each with campaigns of its own")
    parser.add_argument("--campaigns", type=int, default=100, help="of a day")
    parser.add_argument("--seed", type=int, default=0)
    console = Console(width=200, highlight=False, markup=False)
    told = run(Plan(**vars(parser.parse_args(arguments))), Console(stderr=True))
    console.print(told, soft_wrap=True)
    return 0


def run(plan: Plan, console: Console, embedder: Embedder | None = None) -> str:
    """The table, in Markdown, and above it what was done. `embedder` replaces the default one; news go to `console`."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(home=Path(folder), fusion={"llm": 0}, tuned=False)
        chosen = embedder or SentenceEmbedder(settings.embedder.model, settings.embedder.batch_size)
        held = _filled(plan, settings)
        made = calibrate(_Given(out=console, err=console, fixed=settings), Order(seed=plan.seed), chosen)
        with open_store(home=settings.home, record_url=None, index_url=None, embedder=chosen) as store:
            store.catch_up()
            ground = asyncio.run(_ground(store, settings, made, held))
            ways = list(simulate(ground, WAYS, markets=plan.markets, n_campaigns=plan.campaigns, seed=plan.seed))
    assert made.signals is not None  # noqa: S101 - it raises where there are none
    without = np.array([ndcg(page_of(visitor.answer), visitor.liked) for visitor in ground.visitors])
    facts = (
        f"{plan.data}: n = {len(without)} users, {plan.held_out} held-out likes each; {plan.markets} days with "
        f"{plan.campaigns} campaigns each, seed {plan.seed}; floor {WAYS[0].settings.floor:g} x base rate "
        f"{made.signals.base_rate:.2%}; {made.signals.curve.kind}, calibration error {made.signals.quality.ece:.4f}"
    )
    return f"{facts}\n\n{table_of(without, ways, seed=plan.seed)}"


def _filled(plan: Plan, settings: Settings) -> HeldOut:
    """Puts the data set into the record, without what is held out."""
    record = Record.open(str(settings.home / "record.db"))
    try:
        fill(record, settings, plan.data, plan.data_dir)
        every = list(record.iter_interactions())
        held = hold_out(every, plan.held_out)
        forget(record, every, held)
    finally:
        record.close()
    return held


async def _ground(store: Store, settings: Settings, made: Calibration, held: HeldOut) -> Ground:
    recommender = compose(settings, store, ScriptedEngine(lambda *_: 0.0), load_template("likelihood", "en"))
    last = max(one.timestamp for one in held.known)
    midnight = (math.floor(last / SECONDS_A_DAY) + 1) * SECONDS_A_DAY
    visitors = [
        Visitor(answer=await recommender.recommend(Query(user_id=user_id, as_of=float(midnight))), liked=liked)
        for user_id, liked in sorted(held.liked.items())
    ]
    return Ground(
        store=store,
        retriever=recommender.retriever,
        calibration=made,
        weights=choose_fusion(settings),
        visitors=tuple(visitors),
        midnight=float(midnight),
    )
