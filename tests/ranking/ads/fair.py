"""A market for tests: twelve films, one user who liked three, probabilities that are fitted for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ranking.ads.auctioneer import with_ads
from ranking.calibration.file import scores_digest, write_calibration
from ranking.engines.scripted import ScriptedEngine
from ranking.factory import choose_fusion, choose_template, compose
from ranking.recommender import Recommender
from ranking.settings import Settings, load_settings
from ranking.types import Recommendation
from retrieval.store import Store, open_store
from retrieval.types import Interaction, Item, Query, User
from tests.fakes import HashingEmbedder
from tests.ranking.calibration.fitted import calibration, fitted

DAY_S = 86_400
NOON = 20_000 * DAY_S + DAY_S / 2
N_FILMS = 12
SETTINGS: dict[str, Any] = {"places": (2, 4), "floor": 0, "reserve": 0.00001, "holdout": 0}


@contextmanager
def open_fair(home: Path) -> Iterator[Store]:
    """Films f00 to f11, the first ones known to most; ann liked three, ben nothing yet."""
    with open_store(home=home, record_url=None, index_url=None, embedder=HashingEmbedder()) as store:
        store.record.put_items(
            [
                Item(item_id=f"f{n:02d}", title=f"Film {'abcdefghijkl'[n] * 3}", attributes={"year": 1990.0 + n})
                for n in range(N_FILMS)
            ]
        )
        users = [User(user_id="ann", attributes={"age": 30.0}), User(user_id="ben")]
        store.record.put_users([*users, *(User(user_id=f"u{n:02d}") for n in range(N_FILMS))])
        store.record.put_interactions(
            [
                Interaction(user_id=f"u{user:02d}", item_id=f"f{n:02d}", timestamp=NOON - 10_000 + n)
                for n in range(N_FILMS)
                for user in range(N_FILMS - n)
            ]
        )
        store.record.put_interactions(
            [Interaction(user_id="ann", item_id=f"f{n:02d}", timestamp=NOON - 1000 + n) for n in (0, 1, 2)]
        )
        store.catch_up()
        yield store


def fair_settings(home: Path, **ads: Any) -> Settings:
    """Without the LLM; retrieval hands over four candidates, so that most films are free to be advertised."""
    return load_settings(
        home=home,
        fusion={"llm": 0},
        strategy="likelihood",
        retrieval={"n_candidates": 4},
        ads={**SETTINGS, **ads},
    )


def calibrate(settings: Settings, **changes: Any) -> None:
    """Probabilities as if fewrec calibrate had run: about 0.12 for an average candidate."""
    digest = scores_digest(settings, choose_fusion(settings))
    write_calibration(settings.home, calibration(scores_digest=digest, signals=fitted(base_rate=0.12), **changes))


def recommender_of(store: Store, settings: Settings) -> Recommender:
    return compose(settings, store, ScriptedEngine(lambda *_: 0.0), choose_template(settings))


def ask(
    store: Store, settings: Settings, user_id: str | None = "ann", *, n: int = 3, at: float = NOON, **query: Any
) -> Recommendation:
    """A list with what is shown for money beside it."""

    return again(recommender_of(store, settings), Query(user_id=user_id, as_of=at, **query), n)


def again(recommender: Recommender, query: Query | None = None, n: int = 3) -> Recommendation:
    """The same of a Recommender that was asked before; for ann where no query is given."""

    async def asked() -> Recommendation:
        answer = await recommender.recommend(query or Query(user_id="ann", as_of=NOON), n)
        return await with_ads(recommender.auctioneer, answer)

    return asyncio.run(asked())
