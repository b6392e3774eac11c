"""The shop of the page's tests: real record, index and application, fakes for the models, one title that bites."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

import numpy as np
from fastapi import FastAPI

from prompts.render import render
from prompts.template import load_template
from prompts.types import Prompt, PromptContext, TokenBudget
from ranking.engines.scripted import ScriptedEngine
from ranking.recommender import Recommender
from ranking.settings import load_settings
from ranking.strategies.likelihood import Likelihood
from retrieval.examples import ExampleSelector
from retrieval.retriever import Retriever
from retrieval.store import Store, open_store
from retrieval.types import Interaction, Item, User
from service.api.app import create_app
from service.serving import Serving
from tests.fakes import HashingEmbedder

BITING = "<script>document.title = 'bitten'</script><img src=x onerror=\"document.title='bitten'\"> {title} {n}"
GENRES = ("Horror", "Comedy", "Drama", "Western")
N_ITEMS = 40


@contextmanager
def open_page_shop(home: Path) -> Iterator[Serving]:
    with open_store(home=home, record_url=None, index_url=None, embedder=HashingEmbedder()) as store:
        _fill(store)
        store.catch_up()
        recommender = recommender_of(store)
        yield Serving(store=store, load=lambda _: nullcontext(recommender), current=lambda: None, stamp=lambda: None)


def recommender_of(store: Store) -> Recommender:
    settings, template = load_settings(), load_template("likelihood", "en")
    engine = ScriptedEngine(_prefers_genres_of_the_past)

    def question(context: PromptContext) -> Prompt:
        budget = TokenBudget(max_tokens=512, count_tokens=engine.count_tokens)
        return render(template, context, budget, engine.control_tokens)

    return Recommender(
        retriever=Retriever(store.record, store.index, store.embedder, settings.retrieval),
        examples=ExampleSelector(store.record, store.index, settings.examples),
        engine=engine,
        strategy=Likelihood(engine, template, 512, settings.likelihood),
        fusion=settings.fusion,
        n_candidates=settings.retrieval.n_candidates,
        question=question,
    )


def _prefers_genres_of_the_past(prompt: Prompt, branch: str) -> float:
    """A title is the likelier the more often its first word stands in the conversation."""
    told = " ".join(message.content for message in prompt.messages) + prompt.before
    return -1.0 / (1 + told.count(branch.strip().partition(" ")[0]))


def _fill(store: Store) -> None:
    rng = np.random.default_rng(7)
    now = time.time()
    store.record.put_items(
        [
            Item(
                item_id=f"i{n:02}",
                title=BITING if n == 0 else f"{GENRES[n % 4]} tale {n}",
                domain="films" if n % 5 else "books",
                attributes={"genres": (GENRES[n % 4],), "year": 1980.0 + n},
            )
            for n in range(N_ITEMS)
        ]
    )
    store.record.put_users([User(user_id=f"viewer-{n:02}") for n in range(30)])
    store.record.put_interactions(
        [
            Interaction(user_id=f"viewer-{user:02}", item_id=f"i{item:02}", timestamp=now - 1000 - item)
            for user in range(30)
            for item in sorted(
                {int(x) for x in rng.geometric(0.12, 6) if 0 < x < N_ITEMS} | ({0} if user > 4 else set())
            )
        ]
    )


def page_shop_app(home: Path) -> FastAPI:
    return create_app(partial(open_page_shop, home))


def main() -> None:
    """Serves the shop of a folder and prints the port."""
    import socket

    import uvicorn

    listening = socket.create_server(("127.0.0.1", 0))
    app = page_shop_app(Path(sys.argv[1]))
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listening])


if __name__ == "__main__":
    main()
