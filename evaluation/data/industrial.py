"""Amazon Industrial and Scientific as MiniOneRec publishes it: a global time split, of which two parts are public.

What may be known are the histories and targets of valid.csv. A row's history holds at most ten items and is the
case's own: it is not what the corpus knows of the user.
"""

from __future__ import annotations

import ast
import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.data.files import find, place_of, readable
from evaluation.data.held_out import HeldOutRows, Rows, bounds_from, implicit_past
from evaluation.data.types import Corpus, Split
from ranking.draws import Draw
from retrieval.errors import InputError
from retrieval.importing.plan import ImportPlan
from retrieval.importing.tables import BadRow, CsvTable, Row
from retrieval.importing.tables import Rows as TableRows

NAME = "amazon-industrial"


@dataclass(frozen=True, kw_only=True, slots=True)
class IndustrialItems:
    """item.json: one JSON object of all items by id."""

    path: Path

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    def rows(self) -> TableRows:
        """Rows with item_id, title, description and brand; lines count items."""
        for line, (item_id, found) in enumerate(self._all().items(), start=1):
            if not isinstance(found, Mapping):
                yield BadRow(line=line, reason="not a JSON object", text=str(found))
                continue
            values = {"item_id": item_id, "title": found.get("title"), "brand": found.get("brand")}
            yield Row(line=line, values=values | {"description": _joined(found.get("description"))})

    def _all(self) -> Mapping[str, Any]:
        try:
            with gzip.open(self.path) if self.path.suffix == ".gz" else self.path.open("rb") as file:
                found = json.load(file)
        except (OSError, EOFError, ValueError) as error:
            raise InputError(f"{self.path} cannot be read as JSON: {error}") from error
        if not isinstance(found, Mapping):
            raise InputError(f"{self.path} is not one JSON object of items by id")
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class IndustrialSequences:
    """valid.csv: what each user did, in order. The first row's history, then the target of each of the user's rows."""

    path: Path

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    def rows(self) -> TableRows:
        """One row per past item with its place in the user's sequence as timestamp; lines count past items."""
        line = 0
        done: dict[str, int] = {}
        for asked in _asked(self.path):
            taken = [asked.target] if asked.user_id in done else [*asked.history, asked.target]
            for item_id in taken:
                line += 1
                place = done.get(asked.user_id, 0)
                done[asked.user_id] = place + 1
                yield Row(line=line, values={"user_id": asked.user_id, "item_id": item_id, "timestamp": float(place)})


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """One row of a part."""

    line: int
    user_id: str
    history: tuple[str, ...]
    target: str


def industrial_plan(folder: Path) -> ImportPlan:
    """The catalogue, and valid.csv as interactions. Raises InputError for files that are missing."""
    return ImportPlan(
        items=IndustrialItems(path=find(folder, "item.json")),
        interactions=IndustrialSequences(path=find(folder, "valid.csv")),
        domain="industrial",
    )


def industrial_split(corpus: Corpus, folder: Path, share: float, seed: int) -> Split:
    """Test: every row of test.csv. Validation: the last row of a seeded `share` of the users of valid.csv.

    Raises InputError for rows with items that are not in the catalogue.
    """
    test = tuple(_asked(find(folder, "test.csv")))
    last = {row.user_id: row for row in _asked(find(folder, "valid.csv"))}
    chosen = [
        row for row in last.values() if Draw(seed=seed, purpose="validation users", key=row.user_id).fraction() < share
    ]
    known = np.ones(len(corpus.user_index), np.bool_)
    fitting_known = known.copy()
    fitting_known[_interactions(corpus, chosen)] = False
    return Split(
        known=known,
        test=_held_out(corpus, test, folder / "test.csv"),
        fitting_known=fitting_known,
        validation=_held_out(corpus, chosen, folder / "valid.csv"),
    )


def _held_out(corpus: Corpus, asked: list[_Asked] | tuple[_Asked, ...], path: Path) -> HeldOutRows:
    table = CsvTable(path=path)
    places = {item_id: place for place, item_id in enumerate(corpus.item_ids)}
    histories = [place_of(places, item_id, table, row.line) for row in asked for item_id in row.history]
    bounds = bounds_from([len(row.history) for row in asked])
    rows = Rows(
        case_ids=[f"line-{row.line}" for row in asked],
        user_ids=[row.user_id for row in asked],
        bounds=bounds,
        asked=np.array([place_of(places, row.target, table, row.line) for row in asked], dtype=np.int32),
    )
    return HeldOutRows(corpus, implicit_past(np.array(histories, dtype=np.int32), bounds), rows)


def _interactions(corpus: Corpus, rows: list[_Asked]) -> list[int]:
    """Where the rows' targets are among the corpus's interactions."""
    n_items = len(corpus.item_ids)
    items = {item_id: place for place, item_id in enumerate(corpus.item_ids)}
    users = {user_id: place for place, user_id in enumerate(corpus.user_ids)}
    wanted = {users[row.user_id] * n_items + items[row.target] for row in rows}
    pairs = corpus.user_index.astype(np.int64) * n_items + corpus.item_index
    return [int(place) for place in np.flatnonzero(np.isin(pairs, np.array(sorted(wanted), dtype=np.int64)))]


def _asked(path: Path) -> Iterator[_Asked]:
    table = CsvTable(path=path)
    for row in readable(table):
        try:
            history = ast.literal_eval(str(row.values["history_item_id"]))
            yield _Asked(
                line=row.line,
                user_id=str(row.values["user_id"]),
                history=tuple(str(int(item_id)) for item_id in history),
                target=str(row.values["item_id"]),
            )
        except KeyError as error:
            raise InputError(f"{table.name} has no column {error.args[0]!r}") from error
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError) as error:
            raise InputError(f"{table.name}, line {row.line}: history_item_id is no list of item ids") from error


def _joined(value: object) -> str | None:
    """A description that was written as a Python list of paragraphs, as one text; any other text as it is."""
    text = "" if value is None else str(value).strip()
    try:
        parts = ast.literal_eval(text) if text.startswith("[") else text
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        parts = text
    if isinstance(parts, list):
        parts = "\n".join(stripped for part in parts if (stripped := str(part).strip()))
    return str(parts) or None
