"""A batch over a small shop in a process of its own, to be killed: its model is a fake, the rest is real."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from ranking.recommender import Recommender
from ranking.settings import load_settings
from retrieval.store import Store, open_store
from retrieval.types import Interaction, Item, Query, User
from service.batch.batch import Request, answer_here, finish, planned
from service.batch.work import Outcome, Work
from tests.fakes import HashingEmbedder
from tests.service.api.shop import recommender_of

N_USERS, N_ITEMS = 160, 40
AS_OF = 10_000.0


def fill(store: Store) -> None:
    """160 users, each of whom took three of 40 films."""
    store.record.put_items([Item(item_id=f"i{n:02d}", title=f"Film {n}") for n in range(N_ITEMS)])
    store.record.put_users([User(user_id=f"u{n:03d}") for n in range(N_USERS)])
    store.record.put_interactions(
        [
            Interaction(user_id=f"u{n:03d}", item_id=f"i{(n * 7 + k * 11) % N_ITEMS:02d}", timestamp=1.0 + k)
            for n in range(N_USERS)
            for k in range(3)
        ]
    )
    store.catch_up()


@contextmanager
def opened(home: Path) -> Iterator[Store]:
    with open_store(home=home, record_url=None, index_url=None, embedder=HashingEmbedder()) as store:
        yield store


def request_of(users: Path, output: Path, *, n: int = 5, overwrite: bool = False) -> Request:
    return Request(users=users, output=output, n=n, query=Query(), as_of=AS_OF, overwrite=overwrite)


def run(home: Path, request: Request, after: Callable[[int], None] = lambda _: None) -> Outcome:
    """`after` hears how many users are done, after each part."""
    with Work(request.output) as work, opened(home) as store:
        plan = planned(work, request, load_settings(tuned=False), store.record)
        recommender: Recommender = recommender_of(store)
        answer_here(work, plan, request, recommender, in_flight=1, progress=lambda _, done, __: after(done))
        return finish(work, plan, request)


def _die(at: int, done: int) -> None:
    if done >= at:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    _home, _users, _output, _at = sys.argv[1:]
    run(Path(_home), request_of(Path(_users), Path(_output)), partial(_die, int(_at)))
