"""Cases as somebody wrote them: JSON Lines, one ranking case or one labelled case a line.

    {"case_id": "1", "user_id": "u", "history": [{"title": "Alien", "liked": true}],
     "candidates": [{"item_id": "a", "title": "Aliens"}, {"item_id": "b", "title": "Up"}], "target": "a"}
    {"case_id": "2", "history": [], "item": {"item_id": "a", "title": "Aliens"}, "label": 1}

Nothing is known but the items, which are the catalogue. A past item without an id is the item of that title, where
just one has it; otherwise it is an item of its own.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from evaluation.data.case_lines import CaseLine, read_line
from evaluation.data.corpus import corpus_of_items
from evaluation.data.drafts import Drafts
from evaluation.data.held_out import HeldOutRows, Past, Places, Rows, bounds_from
from evaluation.data.imported import digest_file
from evaluation.data.types import Corpus, Split
from retrieval.errors import InputError
from retrieval.importing.cleaning import RowError
from retrieval.importing.tables import JsonLines, Row
from retrieval.types import User

_SHOWN = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseFile:
    """The cases, ready to be asked."""

    corpus: Corpus
    split: Split
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseLists:
    """Candidates of all cases, one list after the other; a labelled case has none here."""

    item_ids: tuple[str, ...]
    places: Places
    stops: Places

    def of(self, row: int) -> tuple[str, ...]:
        """In the order of the file."""
        start = 0 if row == 0 else int(self.stops[row - 1])
        return tuple(self.item_ids[place] for place in self.places[start : int(self.stops[row])].tolist())


@dataclass(kw_only=True)
class _Columns:
    """Cases while they are read. Items are numbers of drafts."""

    path: Path
    case_ids: dict[str, int] = field(default_factory=dict)
    """With their line."""
    user_ids: list[str | None] = field(default_factory=list)
    lengths: array[int] = field(default_factory=lambda: array("q"))
    past: array[int] = field(default_factory=lambda: array("i"))
    times: array[float] = field(default_factory=lambda: array("d"))
    liked: array[int] = field(default_factory=lambda: array("b"))
    ratings: array[float] = field(default_factory=lambda: array("d"))
    asked: array[int] = field(default_factory=lambda: array("i"))
    labels: array[float] = field(default_factory=lambda: array("d"))
    candidates: array[int] = field(default_factory=lambda: array("i"))
    stops: array[int] = field(default_factory=lambda: array("i"))

    def add(self, case: CaseLine, drafts: Drafts, line: int) -> None:
        """Raises RowError for a case id that was there before and for an item that was another one before."""
        if case.case_id in self.case_ids:
            raise RowError(f"case_id {case.case_id!r} was there in line {self.case_ids[case.case_id]} already")
        where = f"{self.path.name}, line {line}"
        past = [drafts.put(entry.item, where) for entry in case.history]
        candidates = [drafts.put(item, where) for item in case.candidates]
        self.case_ids[case.case_id] = line
        self.user_ids.append(case.user_id)
        self.lengths.append(len(past))
        self.past.extend(past)
        self.times.extend(entry.timestamp for entry in case.history)
        self.liked.extend(entry.liked for entry in case.history)
        self.ratings.extend(np.nan if entry.rating is None else entry.rating for entry in case.history)
        self.asked.append(candidates[case.asked])
        self.labels.append(np.nan if case.label is None else case.label)
        self.candidates.extend(candidates if case.label is None else ())
        self.stops.append(len(self.candidates))


def load_cases(path: Path, validation: Path | None = None) -> CaseFile:
    """All cases of a file, and of one with more cases to fit weights on.

    Raises InputError for a file without cases, and one that names the first five bad lines of a file and counts all.
    """
    drafts = Drafts()
    read = [_read(one, drafts) for one in (path, validation) if one is not None]
    made = drafts.finish()
    content = "".join(digest_file(columns.path) for columns in read).encode()
    users = {user_id: User(user_id=user_id) for columns in read for user_id in columns.user_ids if user_id is not None}
    corpus = corpus_of_items(path.stem, made.items, users, content)
    sorted_places = {item_id: place for place, item_id in enumerate(corpus.item_ids)}
    places = np.array([sorted_places[item_id] for item_id in made.ids], dtype=np.int32)
    parts = [_held_out(corpus, columns, places) for columns in read]
    known = np.empty(0, np.bool_)
    split = Split(known=known, test=parts[0], fitting_known=known, validation=parts[1] if len(parts) > 1 else ())
    return CaseFile(corpus=corpus, split=split, notes=tuple(note for columns in read for note in _notes(columns)))


def _read(path: Path, drafts: Drafts) -> _Columns:
    columns = _Columns(path=path)
    problems: list[str] = []
    total = 0
    for row in JsonLines(path=path).rows():
        try:
            if not isinstance(row, Row):
                raise RowError(row.reason)
            columns.add(read_line(row.values), drafts, row.line)
        except RowError as problem:
            total += 1
            if len(problems) < _SHOWN:
                problems.append(f"line {row.line}: {problem}")
    if total:
        more = f"; and {total - len(problems)} more" if total > len(problems) else ""
        lines = "line" if total == 1 else "lines"
        raise InputError(f"{path}: {total} {lines} cannot be used. {'; '.join(problems)}{more}")
    if not columns.case_ids:
        raise InputError(f"{path} holds no cases; it must hold one JSON object a line")
    return columns


def _held_out(corpus: Corpus, columns: _Columns, places: Places) -> HeldOutRows:
    past = Past(
        item_index=places[np.asarray(columns.past, dtype=np.int32)],
        timestamps=np.asarray(columns.times, dtype=np.float64),
        liked=np.asarray(columns.liked, dtype=np.bool_),
        ratings=np.asarray(columns.ratings, dtype=np.float64),
    )
    case_ids: Sequence[str] = tuple(columns.case_ids)
    lists = CaseLists(
        item_ids=corpus.item_ids,
        places=places[np.asarray(columns.candidates, dtype=np.int32)],
        stops=np.asarray(columns.stops, dtype=np.int32),
    )
    rows = Rows(
        case_ids=case_ids,
        user_ids=columns.user_ids,
        bounds=bounds_from(columns.lengths),
        asked=places[np.asarray(columns.asked, dtype=np.int32)],
        labels=np.asarray(columns.labels, dtype=np.float64),
        lists=lists,
    )
    return HeldOutRows(corpus, past, rows)


def _notes(columns: _Columns) -> list[str]:
    empty = sum(length == 0 for length in columns.lengths)
    if not empty:
        return []
    return [f"{columns.path.name}: {empty} of {len(columns.lengths)} cases have an empty history"]
