"""How good the lists of newcomers are: python -m benchmarks.cold_start --data-dir FOLDER. Without the LLM unless --llm.

So many users of MovieLens 100K are held out whole: nobody knows them. Each then meets the service as a newcomer would:
with nothing; with their profile alone; and after answering 1, 3 and 5 of the picks of `GET /v1/picks` that they know,
in the order shown, liked or disliked as they rated them. Every list is over the whole catalogue without all that they
answered, and is judged by what else they liked, so all ways are asked for the same and compared on the same users.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import ir_measures
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.service_catalogue import recommender_of
from evaluation.data.config import KnownSet
from evaluation.data.loading import load
from evaluation.data.types import Corpus
from evaluation.report.numbers import p_text
from evaluation.statistics.compare import compare_many, holm
from evaluation.statistics.error_bars import Values, estimates
from ranking.draws import Draw
from ranking.factory import open_on, served_settings
from ranking.recommender import Recommender
from ranking.settings import load_settings
from retrieval.embedder import SentenceEmbedder
from retrieval.picks import LOOKED_AT, choose_picks
from retrieval.store import Store, open_store
from retrieval.types import Attributes, Interaction, Item, PastItem, Query, User

DATA = "ml-100k"
ASKED = 20
"""Picks that a newcomer is shown, at most: what GET /v1/picks gives at once."""
ANSWERED = (1, 3, 5)
_CUT = 10
NOTHING = "nothing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Newcomer:
    """Somebody of whom the store knows nothing, and what they will like."""

    user_id: str
    answers: tuple[PastItem, ...]
    """To the picks that they know, in the order shown; at most five."""
    wanted: frozenset[str]
    """Item ids: all else that they liked."""
    profiles: Mapping[str, User] = field(default_factory=dict)
    """By the name of the way: the same person as a user with attributes."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, help="folder with the data sets; else they are downloaded")
    parser.add_argument("--users", type=int, default=200, help="held out; the others are what the store knows")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--llm", action="store_true", help="the packaged LLM and its adapter rank too")
    given = parser.parse_args(arguments)
    settings = load_settings()
    corpus = load(KnownSet(set=DATA), cache=settings.cache, data_dir=given.data_dir).corpus
    held = set(Draw(seed=given.seed, purpose="cold-start", key=corpus.name).shuffled(corpus.user_ids)[: given.users])
    with opened(corpus, held, llm=given.llm) as (store, recommender):
        newcomers = [one for user_id in sorted(held) if (one := newcomer(corpus, store, recommender, user_id)).wanted]
        store.record.put_users([user for one in newcomers for user in one.profiles.values()])
        columns = asyncio.run(_measured(recommender, newcomers))
    answered = np.mean([len(one.answers) for one in newcomers])
    title = (
        f"Newcomers on {corpus.name} ({corpus.digest[:12]}), {'LLM and signals' if given.llm else 'without the LLM'}, "
        f"n = {len(newcomers)}, seed {given.seed}; of {ASKED} picks they knew {answered:.1f} of at most {ANSWERED[-1]}"
    )
    Console(width=120).print(table(columns, title, given.seed))
    return 0


@contextmanager
def opened(corpus: Corpus, held: set[str], *, llm: bool) -> Iterator[tuple[Store, Recommender]]:
    """A store of all but the users held out, and who recommends from it."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        settings = load_settings(home=home)
        embedder = SentenceEmbedder(settings.embedder.model, settings.embedder.batch_size)
        store = stack.enter_context(open_store(home=home, record_url=None, index_url=None, embedder=embedder))
        store.record.put_items(list(corpus.items.values()))
        store.record.put_users([User(user_id=user_id) for user_id in corpus.user_ids if user_id not in held])
        store.record.put_interactions([one for one in interactions(corpus) if one.user_id not in held])
        store.catch_up()
        if not llm:
            yield store, recommender_of(store, home)
            return
        yield store, stack.enter_context(open_on(store, served_settings(settings)))


def interactions(corpus: Corpus) -> Iterator[Interaction]:
    """All of a data set's."""
    for row in range(len(corpus.timestamps)):
        yield Interaction(
            user_id=corpus.user_ids[corpus.user_index[row]],
            item_id=corpus.item_ids[corpus.item_index[row]],
            timestamp=float(corpus.timestamps[row]),
            liked=bool(corpus.liked[row]),
            rating=None if np.isnan(corpus.ratings[row]) else float(corpus.ratings[row]),
        )


def newcomer(corpus: Corpus, store: Store, recommender: Recommender, user_id: str) -> Newcomer:
    """A user who was held out, with their answers to what anybody new is asked about."""
    mine = {one.item_id: one for one in interactions_of(corpus, user_id)}
    popular = recommender.retriever.retrieve(Query(), LOOKED_AT).candidates
    vectors = store.index.vectors("items", [one.item.item_id for one in popular])
    known = [pick.item for pick in choose_picks(popular, vectors, ASKED) if pick.item.item_id in mine]
    answers = tuple(
        PastItem(item=item, timestamp=float(place), liked=mine[item.item_id].liked)
        for place, item in enumerate(known[: ANSWERED[-1]], start=1)
    )
    barred = {past.item.item_id for past in answers}
    wanted = frozenset(item_id for item_id, one in mine.items() if one.liked and item_id not in barred)
    facts = corpus.users[user_id].attributes
    told: dict[str, Attributes] = {
        "age, gender, occupation": {name: facts[name] for name in ("age", "gender", "occupation") if name in facts},
        "genres that they say they like": {"likes": genres_of([one.item for one in answers if one.liked])},
    }
    profiles = {
        name: User(user_id=f"{user_id}, {name}", attributes=attributes)
        for name, attributes in told.items()
        if all(attributes.values())
    }
    return Newcomer(user_id=user_id, answers=answers, wanted=wanted, profiles=profiles)


def interactions_of(corpus: Corpus, user_id: str) -> list[Interaction]:
    """Those of one user."""
    first, last = np.searchsorted(corpus.user_index, [place := corpus.user_ids.index(user_id), place + 1])
    return [
        Interaction(
            user_id=user_id,
            item_id=corpus.item_ids[corpus.item_index[row]],
            timestamp=float(corpus.timestamps[row]),
            liked=bool(corpus.liked[row]),
        )
        for row in range(first, last)
    ]


def genres_of(items: Sequence[Item]) -> tuple[str, ...]:
    """The two most frequent genres, ties by name."""
    counts: dict[str, int] = {}
    for item in items:
        genres = item.attributes.get("genres", ())
        for genre in genres if isinstance(genres, tuple) else ():
            counts[genre] = counts.get(genre, 0) + 1
    return tuple(sorted(counts, key=lambda genre: (-counts[genre], genre))[:2])


async def _measured(recommender: Recommender, newcomers: Sequence[Newcomer]) -> dict[str, Values]:
    """NDCG@10 by way and newcomer; NaN where somebody cannot go that way."""
    columns: dict[str, Values] = {}
    for at, one in enumerate(newcomers):
        exclude = frozenset(past.item.item_id for past in one.answers)
        queries = {NOTHING: Query(exclude=exclude)}
        for n in ANSWERED if one.answers else ():
            queries[f"{n} answer{'s' * (n > 1)}"] = Query(history=one.answers[:n], exclude=exclude)
        queries |= {name: Query(user_id=user.user_id, exclude=exclude) for name, user in one.profiles.items()}
        for name, query in queries.items():
            answer = await recommender.recommend(query, _CUT)
            column = columns.setdefault(name, np.full(len(newcomers), np.nan))
            column[at] = ndcg([ranked.item.item_id for ranked in answer.items], one.wanted)
    return columns


def ndcg(shown: Sequence[str], wanted: frozenset[str], cut: int = _CUT) -> float:
    """NDCG with gain 1 for what is wanted, by ir_measures."""
    judged = {"q": dict.fromkeys(wanted, 1)}
    run = {"q": {item_id: float(len(shown) - place) for place, item_id in enumerate(shown)}}
    measure = ir_measures.nDCG @ cut
    return float(ir_measures.pytrec_eval.calc_aggregate([measure], judged, run)[measure])


def table(columns: Mapping[str, Values], title: str, seed: int) -> Table:
    """Each way with its interval, and against knowing nothing, on the same users."""
    shown = Table(title=title, title_justify="left")
    for name in ("known of the newcomer", f"NDCG@{_CUT}", "n", "minus nothing", "p (Holm)"):
        shown.add_column(name, justify="left" if name.startswith("known") else "right")
    against = [columns[NOTHING]] * len(columns)
    compared = compare_many(list(columns.values()), against, seed=seed)
    others = [one.p for name, one in zip(columns, compared, strict=True) if name != NOTHING]
    corrected = iter(holm(others))
    for name, mean, difference in zip(columns, estimates(list(columns.values()), seed=seed), compared, strict=True):
        cells = ("–", "–")
        if name != NOTHING:
            cells = (_told(difference.difference, difference.low, difference.high, "+"), p_text(next(corrected)))
        shown.add_row(name, _told(mean.value, mean.low, mean.high), str(mean.n), *cells)
    return shown


def _told(value: float | None, low: float | None, high: float | None, sign: str = "") -> str:
    if value is None or low is None or high is None:
        return "–"
    return f"{100 * value:{sign}.1f} ({100 * low:.1f} to {100 * high:.1f})"


if __name__ == "__main__":
    raise SystemExit(main())
