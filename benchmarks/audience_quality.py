"""Whether a new item is shown to those who like it: python -m benchmarks.audience_quality ml-100k --data-dir FOLDER.

All that anybody did with a fifth of the items that at least five users liked is held out, so that nobody is known to
have taken them. For each of these the users whom it could be for are asked, and judged by who liked it. Two orders are
told apart: that in which retrieval finds them, and that of the answer, which is another one with --llm only; and two
that know nothing of the item: the users who liked most, and chance.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.cold_start import ndcg
from benchmarks.service_catalogue import recommender_of
from evaluation.data.config import KnownSet
from evaluation.data.loading import load
from evaluation.data.training import open_training_store
from evaluation.data.types import Corpus, Mask
from evaluation.report.numbers import difference_text, interval, p_text, shown
from evaluation.report.types import Difference
from evaluation.statistics.compare import compare_many, holm
from evaluation.statistics.error_bars import Values, estimates
from ranking.draws import Draw
from ranking.factory import open_on, served_settings
from ranking.recommender import Recommender
from ranking.settings import Settings, load_settings

_FEWEST_LIKERS = 5
_SHARE_HELD_OUT = 5
_CHANCE = "chance"


@dataclass(frozen=True, kw_only=True, slots=True)
class NewItems:
    """Items of which only the words are known, and what is known of the others."""

    known: Mask
    likers: dict[str, frozenset[str]]
    """By item, in the order drawn: the users who liked it, of those who are known to like anything else."""
    by_activity: tuple[str, ...]
    """The users who are known to like anything, those first who like most."""


def new_items(corpus: Corpus, seed: int) -> NewItems:
    """A fifth of the items that enough users liked, in a seeded order."""
    liked = np.bincount(corpus.item_index[corpus.liked], minlength=len(corpus.item_ids))
    pool = [corpus.item_ids[place] for place in np.flatnonzero(liked >= _FEWEST_LIKERS)]
    drawn = Draw(seed=seed, purpose="new-items", key=corpus.name).shuffled(pool)[: len(pool) // _SHARE_HELD_OUT]
    held = set(drawn)
    known = np.array([corpus.item_ids[place] not in held for place in corpus.item_index], dtype=np.bool_)
    activity = np.bincount(corpus.user_index[known & corpus.liked], minlength=len(corpus.user_ids))
    likers: dict[str, set[str]] = {item_id: set() for item_id in drawn}
    for row in np.flatnonzero(corpus.liked & ~known):
        if activity[user := corpus.user_index[row]]:
            likers[corpus.item_ids[corpus.item_index[row]]].add(corpus.user_ids[user])
    order = np.argsort(-activity, kind="stable")[: np.count_nonzero(activity)]
    return NewItems(
        known=known,
        likers={item_id: frozenset(users) for item_id, users in likers.items() if users},
        by_activity=tuple(corpus.user_ids[place] for place in order),
    )


@contextmanager
def opened(corpus: Corpus, known: Mask, settings: Settings, *, llm: bool) -> Iterator[Recommender]:
    """Who recommends from what is known."""
    with ExitStack() as stack:
        store = stack.enter_context(
            open_training_store(
                corpus, known, cache=settings.cache, embedder_settings=settings.embedder, demonstrations=False
            )
        )
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if llm:
            yield stack.enter_context(open_on(store, served_settings(load_settings(home=home))))
        else:
            yield recommender_of(store, home)


async def measured(recommender: Recommender, items: NewItems, n_items: int, n: int, seed: int) -> dict[str, Values]:
    """NDCG by order and item."""
    columns: dict[str, list[float]] = {}
    for item_id, likers in list(items.likers.items())[:n_items]:
        answer = await recommender.audience.rank(item_id, n)
        found = sorted(answer.users, key=lambda user: user.retrieval_rank)
        orders = {
            "as retrieval finds them": [user.user_id for user in found],
            f"as answered, by {answer.ranked_by}": [user.user_id for user in answer.users],
            "who liked most": items.by_activity[:n],
            _CHANCE: Draw(seed=seed, purpose="chance", key=item_id).shuffled(sorted(items.by_activity))[:n],
        }
        for name, order in orders.items():
            columns.setdefault(name, []).append(ndcg(order, likers, n))
    return {name: np.array(values) for name, values in columns.items()}


def table(columns: dict[str, Values], title: str, metric: str, seed: int) -> Table:
    """Each order with its interval, and against chance, on the same items."""
    made = Table(title=title, title_justify="left")
    for name in ("order", f"{metric} x 100", f"minus {_CHANCE}", "p (Holm)"):
        made.add_column(name, justify="left" if name == "order" else "right")
    compared = compare_many(list(columns.values()), [columns[_CHANCE]] * len(columns), seed=seed)
    corrected = iter(holm([one.p for name, one in zip(columns, compared, strict=True) if name != _CHANCE]))
    for name, mean, against in zip(columns, estimates(list(columns.values()), seed=seed), compared, strict=True):
        cells = ("–", "–")
        if name != _CHANCE and against.difference is not None:
            found = Difference(to=_CHANCE, value=against.difference, low=against.low, high=against.high)
            cells = (difference_text(metric, found), p_text(next(corrected)))
        made.add_row(name, f"{shown(metric, mean.value)} ({interval(metric, mean.low, mean.high)})", *cells)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", help="a data set, such as ml-100k or amazon-games")
    parser.add_argument("--data-dir", type=Path, help="folder with the data set; else it is downloaded")
    parser.add_argument("--items", type=int, default=200, help="new items asked for, at most")
    parser.add_argument("--users", type=int, default=100, help="asked for of each")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--llm", action="store_true", help="the packaged LLM and its adapter rank too")
    given = parser.parse_args(arguments)
    settings = load_settings()
    corpus = load(KnownSet(set=given.set), cache=settings.cache, data_dir=given.data_dir).corpus
    items = new_items(corpus, given.seed)
    with opened(corpus, items.known, settings, llm=given.llm) as recommender:
        columns = asyncio.run(measured(recommender, items, given.items, given.users, given.seed))
    title = (
        f"Users for new items on {corpus.name} ({corpus.digest[:12]}), n = {len(columns[_CHANCE])} items, "
        f"{given.users} users each, seed {given.seed}"
    )
    Console(width=120).print(table(columns, title, f"ndcg@{given.users}", given.seed))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
