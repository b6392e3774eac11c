"""The shop of the page's tests: real record, index and application, fakes for the models, one title that bites."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from fastapi import FastAPI

from prompts.render import render
from prompts.template import load_template
from prompts.types import Prompt, PromptContext, TokenBudget
from ranking.access_settings import AccessSettings
from ranking.engines.scripted import ScriptedEngine
from ranking.recommender import Recommender
from ranking.settings import load_settings
from ranking.strategies.likelihood import Likelihood
from retrieval.examples import ExampleSelector
from retrieval.retriever import Retriever
from retrieval.store import Store, open_store
from retrieval.types import Interaction, Item, User
from service.api.app import create_app
from service.keys.access import access_for
from service.keys.ring import KeyRing
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
        yield Serving(
            store=store,
            load=lambda _: nullcontext(recommender),
            current=lambda: None,
            stamp=lambda: None,
            runs=home / "runs",
        )


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


def write_reports(runs: Path) -> None:
    """Two reports as `fewrec evaluate` leaves them, and one that cannot be read."""
    run = {
        "name": "games", "dataset": "amazon-games", "cases": 550, "started": "2026-03-01T10:00:00+00:00",
        "protocol": "sampled", "known_interactions": 4000, "metric": "ndcg@10", "metrics": ["ndcg@10", "mrr@10"],
        "higher_is_better": {"ndcg@10": True, "mrr@10": True}, "baseline": "embedding-max",
        "verdict": {"outcome": "better", "sentence": f"The LLM is worth it here. {BITING}", "details": ["So be it."]},
        "arms": [
            _arm("embedding-max", False, 0.549, {}),
            _arm("tuned", True, 0.583, {"ndcg@10": {"to": "embedding-max", "p": 0.0001, "p_holm": None}}),
            _arm(BITING, True, None, {}),
        ],
    }  # fmt: skip
    for name, text in (("games", json.dumps({"format": 1, "runs": [run]})), ("torn", "{")):
        (runs / name).mkdir(parents=True)
        (runs / name / "report.json").write_text(text, encoding="utf-8")


def _arm(name: str, llm: bool, value: float | None, differences: dict[str, dict[str, Any]]) -> dict[str, Any]:
    bounds = {"low": None, "high": None} if value is None else {"low": value - 0.03, "high": value + 0.03}
    found = {"value": value, **bounds, "n": 550}
    changed = {metric: {"value": 0.034, "low": 0.01, "high": 0.06, "n": 550, **d} for metric, d in differences.items()}
    return {
        "name": name,
        "llm": llm,
        "n": 550,
        "metrics": {"ndcg@10": found, "mrr@10": found},
        "differences": changed,
    }


def page_shop_app(home: Path) -> FastAPI:
    """Asks for keys if the folder holds any."""
    keys = AccessSettings(keys_on_loopback=bool(KeyRing(home).all()))
    return create_app(partial(open_page_shop, home), access_for(home, keys, "127.0.0.1"))


def main() -> None:
    """Serves the shop of a folder and prints the port."""
    import socket

    import uvicorn

    # Whoever started this reads the port and nothing more: events would fill the pipe, and the server would wait.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    listening = socket.create_server(("127.0.0.1", 0))
    app = page_shop_app(Path(sys.argv[1]))
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listening])


if __name__ == "__main__":
    main()
