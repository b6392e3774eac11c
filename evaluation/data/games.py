"""The split that LLMRank publishes for Amazon Video Games, and its lists of candidates.

A case has 20 candidates: the first 19 of the user's published list without the target, and the target, in a seeded
order. The test's targets are in no interaction of the corpus.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from evaluation.data.config import Candidates, KnownSet
from evaluation.data.files import find, look_for, place_of, readable
from evaluation.data.held_out import Bounds, HeldOutRows, Places, Rows, bounds_of, past_of
from evaluation.data.types import Corpus, HeldOut, Split
from ranking.draws import Draw
from retrieval.errors import InputError
from retrieval.importing.datasets import AtomicTable
from retrieval.importing.tables import CsvTable

NEGATIVES = 19
_LISTS = "Games-6k.{}"
_ANY_LIST = "random"
"""All lists are of the same users, so any one tells who must not be tuned on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Targets:
    """One part's rows, as its file has them."""

    user_ids: tuple[str, ...]
    targets: Places


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedLists:
    """Candidates from a published list."""

    item_ids: tuple[str, ...]
    user_ids: tuple[str, ...]
    negatives: Places
    """Shape (n_rows, 19)."""
    targets: Places
    name: str
    seed: int

    def of(self, row: int) -> tuple[str, ...]:
        """The negatives and the target in their seeded order."""
        ids = [self.item_ids[place] for place in (*self.negatives[row], self.targets[row])]
        draw = Draw(seed=self.seed, purpose=f"order of {self.name} candidates", key=self.user_ids[row])
        return draw.shuffled(ids)


@dataclass(frozen=True, kw_only=True, slots=True)
class RandomLists:
    """Candidates as in the published `random` list, for users who are in none: uniform over the whole catalogue."""

    item_ids: tuple[str, ...]
    user_ids: tuple[str, ...]
    targets: Places
    seed: int

    def of(self, row: int) -> tuple[str, ...]:
        """Random negatives and the target in a seeded order."""
        target = int(self.targets[row])
        key = self.user_ids[row]
        draw = Draw(seed=self.seed, purpose="validation candidates", key=key)
        n = min(NEGATIVES, len(self.item_ids) - 1)
        places = [*draw.distinct(n, range(len(self.item_ids)), {target}, 1), target]
        shown = Draw(seed=self.seed, purpose="order of validation candidates", key=key)
        return tuple(self.item_ids[place] for place in shown.shuffled(places))


def has_split(folder: Path) -> bool:
    """Whether a folder holds the set as LLMRank publishes it, rather than as plain interactions."""
    return look_for(folder, "Games-6k.test.inter") is not None


def games_split(corpus: Corpus, folder: Path, config: KnownSet) -> Split:
    """Test: the rows of the candidate list, or all users without one. Validation: the users who are in no list.

    A validation target is a user's last interaction but the test's, its negatives are drawn like the `random` list's.
    Raises InputError for files that are missing or that speak of other items or users than the corpus.
    """
    places = {item_id: place for place, item_id in enumerate(corpus.item_ids)}
    candidates, seed = config.candidates, config.seed
    test = _targets(AtomicTable(path=find(folder, "Games-6k.test.inter")), places)
    valid = _targets(AtomicTable(path=find(folder, "Games-6k.valid.inter")), places)
    published = None if candidates is None else _published(corpus, folder, candidates, seed, test, places)
    listed = frozenset(published.user_ids if published is not None else _listed(folder))
    asked = test if published is None else Targets(user_ids=published.user_ids, targets=published.targets)
    free = [row for row, user_id in enumerate(valid.user_ids) if user_id not in listed]
    tuned = Targets(user_ids=tuple(valid.user_ids[row] for row in free), targets=valid.targets[free])
    everyone = _last(corpus, valid, folder)
    known = np.ones(len(corpus.user_index), np.bool_)
    known[everyone] = config.known == "histories"
    fitting_known = known.copy()
    fitting_known[everyone[free]] = False
    bounds = bounds_of(corpus, tuned.user_ids)
    drawn = RandomLists(item_ids=corpus.item_ids, user_ids=tuned.user_ids, targets=tuned.targets, seed=seed)
    return Split(
        known=known,
        test=_held_out(corpus, asked, bounds_of(corpus, asked.user_ids), published),
        fitting_known=fitting_known,
        validation=_held_out(
            corpus, tuned, Bounds(starts=bounds.starts, stops=bounds.stops - 1), None if candidates is None else drawn
        ),
    )


def _last(corpus: Corpus, valid: Targets, folder: Path) -> npt.NDArray[np.int64]:
    """Where each user's last interaction is, which must be the validation's target."""
    bounds = bounds_of(corpus, valid.user_ids)
    last = bounds.stops - 1
    if (bounds.stops == bounds.starts).any() or (corpus.item_index[last] != valid.targets).any():
        raise InputError(f"in {folder}, Games-6k.valid.inter is not one step behind Games-6k.test.inter")
    return last


def _held_out(
    corpus: Corpus, targets: Targets, bounds: Bounds, lists: PublishedLists | RandomLists | None
) -> Sequence[HeldOut]:
    rows = Rows(case_ids=targets.user_ids, user_ids=targets.user_ids, bounds=bounds, asked=targets.targets, lists=lists)
    return HeldOutRows(corpus, past_of(corpus), rows)


def _targets(table: AtomicTable, places: dict[str, int]) -> Targets:
    user_ids: list[str] = []
    targets: list[int] = []
    for row in readable(table):
        user_ids.append(str(row.values["user_id"]))
        targets.append(place_of(places, str(row.values["item_id"]), table, row.line))
    if len(set(user_ids)) < len(user_ids):
        raise InputError(f"{table.name} has a user twice")
    return Targets(user_ids=tuple(user_ids), targets=np.array(targets, dtype=np.int32))


def _list_table(folder: Path, name: str) -> CsvTable:
    return CsvTable(
        path=find(folder, _LISTS.format(name)), delimiter="\t", header=("user_id", "item_ids"), quoting=False
    )


def _listed(folder: Path) -> list[str]:
    """Users of the candidate lists; none where no list is there, so that nobody could be asked by it."""
    if look_for(folder, _LISTS.format(_ANY_LIST)) is None:
        return []
    return [str(row.values["user_id"]) for row in readable(_list_table(folder, _ANY_LIST))]


def _published(
    corpus: Corpus, folder: Path, name: Candidates, seed: int, test: Targets, places: dict[str, int]
) -> PublishedLists:
    table = _list_table(folder, name)
    rows = {user_id: row for row, user_id in enumerate(test.user_ids)}
    user_ids: list[str] = []
    negatives: list[list[int]] = []
    targets: list[int] = []
    for row in readable(table):
        user_id = str(row.values["user_id"])
        if user_id not in rows:
            raise InputError(f"{table.name}, line {row.line}: user {user_id!r} is not in the test file")
        target = int(test.targets[rows[user_id]])
        ids = [place_of(places, item_id, table, row.line) for item_id in str(row.values["item_ids"]).split()]
        others = [place for place in dict.fromkeys(ids) if place != target][:NEGATIVES]
        if len(others) < NEGATIVES:
            raise InputError(f"{table.name}, line {row.line}: fewer than {NEGATIVES} candidates beside the target")
        user_ids.append(user_id)
        negatives.append(others)
        targets.append(target)
    if len(set(user_ids)) < len(user_ids):
        raise InputError(f"{table.name} has a user twice")
    return PublishedLists(
        item_ids=corpus.item_ids,
        user_ids=tuple(user_ids),
        negatives=np.array(negatives, dtype=np.int32),
        targets=np.array(targets, dtype=np.int32),
        name=name,
        seed=seed,
    )
