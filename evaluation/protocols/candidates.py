"""Which candidates a case has, and in which order they are shown. Draws depend on the case's id alone."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.data.types import Corpus, HeldOut
from evaluation.errors import EvaluationError
from evaluation.protocols.config import Negatives
from evaluation.protocols.targets import user_bounds
from ranking.draws import Draw
from retrieval.errors import InputError
from retrieval.types import Item, PastItem

_SHOWN_IDS = 3


class Seen:
    """What each user of a corpus ever interacted with, before and after any target."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._users = {user_id: place for place, user_id in enumerate(corpus.user_ids)}
        self._items = {item_id: place for place, item_id in enumerate(corpus.item_ids)}
        self._bounds = user_bounds(corpus)

    def place(self, item_id: str) -> int | None:
        """Where an item stands in the catalogue; None if it is not there."""
        return self._items.get(item_id)

    def places(self, held: HeldOut) -> set[int]:
        """Places in the catalogue of all that the user ever took, of the history and of the target."""
        user = None if held.user_id is None else self._users.get(held.user_id)
        taken: set[int] = set()
        if user is not None:
            taken.update(self._corpus.item_index[self._bounds[user] : self._bounds[user + 1]].tolist())
        ids = [past.item.item_id for past in held.history] + ([] if held.target is None else [held.target])
        taken.update(place for place in map(self._items.get, ids) if place is not None)
        return taken

    def most(self) -> int:
        """The longest history of all, an upper bound on what a known user took."""
        return int(np.diff(self._bounds).max(initial=0))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Domain:
    """A domain's items by their places in the catalogue."""

    places: tuple[int, ...]
    members: frozenset[int]


class NegativeSampler:
    """Candidates of sampled cases: the target and its negatives in the order shown."""

    def __init__(self, corpus: Corpus, config: Negatives, seed: int) -> None:
        self._config = config
        self._seed = seed
        self._seen = Seen(corpus)
        self._item_ids = corpus.item_ids
        self._whole: Sequence[int] = range(len(corpus.item_ids))
        domains: dict[str, list[int]] = {}
        for place, item_id in enumerate(corpus.item_ids):
            domains.setdefault(corpus.items[item_id].domain, []).append(place)
        self._domains = {
            name: _Domain(places=tuple(places), members=frozenset(places)) for name, places in domains.items()
        }

    @property
    def never_short(self) -> bool:
        """Whether every user leaves so much of the catalogue that none can lack negatives."""
        barred = self._seen.most() if self._config.source == "unseen" else 0
        return self._config.source == "given" or len(self._item_ids) - barred - 1 >= self._config.n

    def enough(self, held: HeldOut, domain: str | None = None) -> bool:
        """Whether a case can have as many negatives as asked for."""
        if self._config.source == "given":
            # Within a domain the target could be left alone, and any ranker would be right.
            return domain is None or len(self._of_domain(given_candidates(held), domain)) > 1
        pool = self._pool(domain)
        return len(pool) - self._n_barred(self._barred(held), domain) >= self._config.n

    def draw(self, held: HeldOut, domain: str | None = None) -> tuple[str, ...]:
        """Ids in the order shown. With a domain all negatives are of it.

        Raises InputError for given candidates that cannot be used, ValueError where `enough` says no.
        """
        if self._config.source == "given":
            ids = self._of_domain(given_candidates(held), domain)
            return self._draw("shown", held, domain).shuffled(ids) if self._config.shuffle else ids
        barred = self._barred(held)
        pool = self._pool(domain)
        places = self._draw("negatives", held, domain).distinct(
            self._config.n, pool, barred, self._n_barred(barred, domain)
        )
        ids = (*(self._item_ids[place] for place in places), *([] if held.target is None else [held.target]))
        return self._draw("shown", held, domain).shuffled(ids)

    def _draw(self, purpose: str, held: HeldOut, domain: str | None) -> Draw:
        return Draw(seed=self._seed, purpose=purpose if domain is None else f"{purpose} of {domain}", key=held.case_id)

    def _barred(self, held: HeldOut) -> set[int]:
        if self._config.source == "unseen":
            return self._seen.places(held)
        place = None if held.target is None else self._seen.place(held.target)
        return set() if place is None else {place}

    def _pool(self, domain: str | None) -> Sequence[int]:
        return self._whole if domain is None else self._domains[domain].places

    def _n_barred(self, barred: set[int], domain: str | None) -> int:
        return len(barred if domain is None else barred & self._domains[domain].members)

    def _of_domain(self, ids: tuple[str, ...], domain: str | None) -> tuple[str, ...]:
        if domain is None:
            return ids
        members = self._domains[domain].members
        return tuple(item_id for item_id in ids if self._seen.place(item_id) in members)


def given_candidates(held: HeldOut, *, target_guaranteed: bool = True) -> tuple[str, ...]:
    """The candidates that the data set gives. Raises InputError if they are missing, twice, or without the target."""
    if held.candidates is None:
        raise InputError(
            f"case {held.case_id!r} brings no candidates; choose negatives from: unseen or llmrank, or add some"
        )
    repeated = {item_id for item_id in held.candidates if held.candidates.count(item_id) > 1}
    if repeated:
        raise InputError(f"case {held.case_id!r} has candidates twice: {_some(repeated)}; keep each once")
    if target_guaranteed and held.target is not None and held.target not in held.candidates:
        raise InputError(
            f"case {held.case_id!r}: its target {held.target!r} is not among its candidates; "
            "add it, or use protocol end-to-end with source: given"
        )
    return held.candidates


def whole_catalogue(items: tuple[Item, ...], *, without: frozenset[str]) -> tuple[Item, ...]:
    """The whole catalogue but for some items, in the order of `items`, which is sorted by id.

    Where nothing is left out, it is the same tuple, so that all cases share one.
    """
    cuts = sorted(
        at
        for item_id in without
        if (at := bisect_left(items, item_id, key=_id)) < len(items) and items[at].item_id == item_id
    )
    if not cuts:
        return items
    kept: list[Item] = []
    begin = 0
    for cut in cuts:
        kept += items[begin:cut]
        begin = cut + 1
    kept += items[begin:]
    return tuple(kept)


def items_of(corpus: Corpus, ids: Sequence[str], case_id: str) -> tuple[Item, ...]:
    """The candidates' items. Raises EvaluationError for an id that the catalogue lacks."""
    try:
        return tuple([corpus.items[item_id] for item_id in ids])
    except KeyError as error:
        raise EvaluationError(
            f"case {case_id!r} has candidate {error.args[0]!r}, which data set {corpus.name} does not hold; "
            "was the store filled from another data set?"
        ) from error


def ids_of(history: Iterable[PastItem]) -> frozenset[str]:
    """The ids of a history's items."""
    return frozenset(past.item.item_id for past in history)


def _id(item: Item) -> str:
    return item.item_id


def _some(ids: set[str]) -> str:
    return ", ".join(sorted(ids)[:_SHOWN_IDS])
