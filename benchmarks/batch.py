"""Users a second of `fewrec batch`, and the share of what the engine can do: python -m benchmarks.batch.

Over the bundled sample with its simulated users, copied until there are enough. The ceiling is the engine given the
very same prompts with nothing else to do. With --engine vllm both ask a server that runs (setting engine.url).
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from prompts.types import Prompt
from ranking.factory import open_on, open_settings_store, served_settings
from ranking.recommender import Recommender
from ranking.settings import Settings, load_settings
from retrieval.sample.catalogue import sample_interactions, sample_items, sample_users
from retrieval.store import Store
from retrieval.types import Query
from service.batch.batch import USERS_A_PART, Request, answer_here, finish, planned
from service.batch.work import Work
from service.cli.batch import engine_for_batch

LEAST_SHARE = 0.85
_PARTS_AT_A_SERVER = 2
_N = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints users a second of both; 1 if the batch reaches less than 85% of the ceiling."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=256)
    parser.add_argument("--engine", choices=["transformers", "vllm"], default="transformers")
    parser.add_argument("--concurrency", type=int, default=64, help="requests before the server")
    chosen = parser.parse_args(arguments)
    embedded = chosen.engine == "transformers"
    engine = engine_for_batch(load_settings(engine={"kind": chosen.engine}).engine, chosen.concurrency)
    with tempfile.TemporaryDirectory() as folder:
        settings = served_settings(load_settings(home=Path(folder), engine=engine))
        with open_settings_store(settings) as store:
            users = _fill(store, chosen.users)
            store.catch_up()
            with open_on(store, settings) as recommender:
                in_flight = 1 if embedded else _PARTS_AT_A_SERVER
                ceiling, model = asyncio.run(_ceiling(recommender, users, in_flight)), recommender.engine.info.model
            with open_on(store, settings) as recommender:
                rate = _batch(Path(folder), store, settings, recommender, in_flight)
    share = rate / ceiling
    Console().print(f"{model} ({chosen.engine}), {len(users)} users: batch {rate:.2f}/s, engine alone {ceiling:.2f}/s")
    Console().print(f"{share:.0%} of the engine's ceiling")
    return 0 if share >= LEAST_SHARE else 1


def _fill(store: Store, n: int) -> list[str]:
    """The sample with n users; their ids."""
    store.record.put_items(sample_items())
    interactions = sample_interactions()
    copies = itertools.count()
    users: list[str] = []
    while len(users) < n:
        name = f"copy-{next(copies):03d}"
        own = [replace(user, user_id=f"{name}-{user.user_id}") for user in sample_users()[: n - len(users)]]
        users += [user.user_id for user in own]
        store.record.put_users(own)
        mine = [replace(one, user_id=f"{name}-{one.user_id}") for one in interactions]
        store.record.put_interactions([one for one in mine if one.user_id in set(users)])
    return sorted(users)


async def _ceiling(recommender: Recommender, users: Sequence[str], in_flight: int) -> float:
    """Users a second of the engine alone, in groups of the size of a part, as many of them at a time as a batch has."""
    asked = [await recommender.question(Query(user_id=user), _N) for user in users]
    prompts = [question for question in asked if isinstance(question, Prompt)]
    if len(prompts) < len(users):
        raise SystemExit("some users' questions are no single prompts; measure with strategy yes-no")
    await recommender.engine.score(prompts[:1])
    groups = iter([prompts[first : first + USERS_A_PART] for first in range(0, len(prompts), USERS_A_PART)])

    async def caller() -> None:
        for group in groups:
            await recommender.engine.score(group)

    start = time.perf_counter()
    await asyncio.gather(*[caller() for _ in range(in_flight)])
    return len(prompts) / (time.perf_counter() - start)


def _batch(folder: Path, store: Store, settings: Settings, recommender: Recommender, in_flight: int) -> float:
    """Users a second of a whole batch, writing and joining the parts included; the model is loaded and warm."""
    asyncio.run(recommender.warm())
    request = Request(users=None, output=folder / "lists.parquet", n=_N, query=Query())
    start = time.perf_counter()
    with Work(request.output) as work:
        plan = planned(work, request, settings, store.record)
        answer_here(work, plan, request, recommender, in_flight=in_flight)
        finish(work, plan, request)
    return plan.n_users / (time.perf_counter() - start)


if __name__ == "__main__":
    sys.exit(main())
