"""What each part of a scenario brings and costs: python -m evaluation.scenarios --data ml-100k --data-dir FOLDER.

Held-out data is replayed through the code that serves, with the scenario as it is shipped and with one part taken out
or turned. No LLM takes part: the lists are ranked by retrieval's signals.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from evaluation.ads.filling import SAMPLE
from evaluation.run.command import bars
from evaluation.scenarios.filling import Plan, filled
from evaluation.scenarios.replay import replay
from evaluation.scenarios.table import table_of
from evaluation.scenarios.ways import ways_of
from prompts.template import load_template
from ranking.engines.scripted import ScriptedEngine
from ranking.factory import compose
from ranking.settings import load_settings
from retrieval.embedder import SentenceEmbedder
from retrieval.protocol import Embedder
from retrieval.store import open_store


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.scenarios", description=__doc__)
    parser.add_argument("--data", default=SAMPLE, help="sample, news, music, or a data set that fewrec import knows")
    parser.add_argument("--data-dir", type=Path, help="folder of its files; else they are downloaded")
    parser.add_argument("--scenarios", nargs="+", help="only these")
    parser.add_argument("--held-out", type=int, default=10, help="latest likes of a user that a list is judged by")
    parser.add_argument("--users", type=int, default=1000, help="at most so many, drawn with the seed")
    parser.add_argument("--fresh-days", type=float, default=30.0, help="items that young count as fresh in the table")
    parser.add_argument("--seed", type=int, default=0)
    told = run(Plan(**vars(parser.parse_args(arguments))), Console(stderr=True))
    Console(width=200, highlight=False, markup=False).print(told, soft_wrap=True)
    return 0


def run(plan: Plan, console: Console, embedder: Embedder | None = None) -> str:
    """The table, in Markdown, and above it what was done. `embedder` replaces the default one; news go to `console`."""
    with tempfile.TemporaryDirectory() as folder, bars(console) as progress:
        settings = load_settings(home=Path(folder), fusion={"llm": 0}, tuned=False)
        chosen = embedder or SentenceEmbedder(settings.embedder.model, settings.embedder.batch_size)
        asked = filled(plan, settings)
        engine, template = ScriptedEngine(lambda *_: 0.0), load_template("likelihood", "en")
        with open_store(home=settings.home, record_url=None, index_url=None, embedder=chosen) as store:
            store.catch_up(progress)
            retriever = compose(settings, store, engine, template).retriever
            recommenders = [
                (way, compose(way.settings(settings), store, engine, template, retriever=retriever))
                for way in ways_of(plan.scenarios)
            ]
            told = asyncio.run(replay(recommenders, asked, store.index, plan.fresh_days, progress))
    held = f"{plan.held_out} held-out likes each" if asked[0].liked else "nothing held out"
    facts = f"{plan.data}: n = {len(asked)} users, {held}; fresh: {plan.fresh_days:g} days; seed {plan.seed}; no LLM"
    return f"{facts}\n\n{table_of(told, seed=plan.seed)}"
