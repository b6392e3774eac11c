"""A small shop behind the real HTTP application: a real record and index, fakes for the models."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

import structlog
from fastapi import FastAPI

from prompts.template import load_template
from ranking.engines.scripted import ScriptedEngine
from ranking.recommender import Recommender
from ranking.settings import load_settings
from ranking.strategies.likelihood import Likelihood
from retrieval.config import QuotaSettings
from retrieval.erasure import finish_erasures
from retrieval.examples import ExampleSelector
from retrieval.retriever import Retriever
from retrieval.store import Store, open_store
from retrieval.types import Interaction, Item, User
from service.api.app import create_app
from service.metrics import Metrics
from service.overheard import ListeningEngine
from service.serving import Serving, answered
from tests.fakes import HashingEmbedder

N_ITEMS = 8


@contextmanager
def open_shop(
    home: Path,
    quota: QuotaSettings | None = None,
    *,
    keeps_prompts: bool = False,
    shots: int = 0,
    record_url: str | None = None,
) -> Iterator[Serving]:
    embedder = HashingEmbedder()
    with open_store(home=home, record_url=record_url, index_url=None, embedder=embedder, quota=quota) as store:
        if not store.record.counts().items:
            fill(store)
        store.catch_up()
        finish_erasures(store)
        recommender = recommender_of(store, keeps_prompts=keeps_prompts, shots=shots)
        yield Serving(store=store, load=lambda _: nullcontext(recommender), current=lambda: None, stamp=lambda: None)


def recommender_of(store: Store, *, keeps_prompts: bool = False, shots: int = 0) -> Recommender:
    """As the factory would compose it; put together here, so that a server of this shop starts without torch."""
    settings, template = load_settings(examples={"shots": shots}), load_template("likelihood", "en")
    scripted = ScriptedEngine(lambda _prompt, branch: float(len(branch)))
    engine = ListeningEngine(scripted) if keeps_prompts else scripted
    return Recommender(
        retriever=Retriever(store.record, store.index, store.embedder, settings.retrieval),
        examples=ExampleSelector(store.record, store.index, settings.examples),
        engine=engine,
        strategy=Likelihood(engine, template, 512, settings.likelihood),
        fusion=settings.fusion,
        n_candidates=settings.retrieval.n_candidates,
        watch=partial(answered, Metrics()),
    )


def fill(store: Store) -> None:
    """Films i0…i7; ann took i0, bob i0 to i4."""
    genres = ("Horror", "Comedy")
    store.record.put_items(
        [
            Item(item_id=f"i{n}", title=f"Film {n}", attributes={"genres": (genres[n % 2],), "year": 1990.0 + n})
            for n in range(N_ITEMS)
        ]
    )
    store.record.put_users([User(user_id=user_id) for user_id in ("ann", "bob")])
    store.record.put_interactions([Interaction(user_id="ann", item_id="i0", timestamp=1.0)])
    store.record.put_interactions([Interaction(user_id="bob", item_id=f"i{n}", timestamp=1.0 + n) for n in range(5)])


def shop_app(home: Path) -> FastAPI:
    return create_app(partial(open_shop, home))


def main() -> None:
    """Serves the shop of a folder and prints the port, for tests that need a process of its own to kill."""
    import socket

    import uvicorn

    # Whoever started this reads the port and nothing more: events would fill the pipe, and the server would wait.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(shop_app(Path(sys.argv[1])), log_level="error"))
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    server.run(sockets=[listening])


if __name__ == "__main__":
    main()
