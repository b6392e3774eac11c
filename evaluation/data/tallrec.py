"""TALLRec's films: labelled cases in English sentences. Who the users are and when they watched is not published."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluation.data.corpus import corpus_of_items
from evaluation.data.files import find
from evaluation.data.held_out import HeldOutRows, Past, Rows, bounds_from
from evaluation.data.types import Corpus, Split
from retrieval.errors import InputError
from retrieval.importing.cleaning import RowError, clean_id
from retrieval.types import Item

_SENTENCES = re.compile(
    r"User Preference:(?P<liked>.*)\nUser Unpreference:(?P<disliked>.*)\n"
    r'Whether the user will like the target movie "(?P<asked>.*)"\?\s*',
    re.DOTALL,
)
_LABELS = {"Yes.": 1.0, "No.": 0.0}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Row:
    liked: tuple[str, ...]
    disliked: tuple[str, ...]
    asked: str
    label: float


@dataclass(frozen=True, kw_only=True, slots=True)
class TallRec:
    """The set: nothing is known but the catalogue."""

    corpus: Corpus
    split: Split


def load_tallrec(folder: Path) -> TallRec:
    """Test and validation from test.json and valid.json; a film's id is its title.

    A history has what the user disliked first, then what they liked: within each the order is the file's, between
    them none is known. Raises InputError for rows of another form, naming file and row.
    """
    test_path, valid_path = find(folder, "test.json"), find(folder, "valid.json")
    test, valid = _rows(test_path), _rows(valid_path)
    titles = sorted({title for row in (*test, *valid) for title in (*row.liked, *row.disliked, row.asked)})
    items = {title: Item(item_id=title, title=title, domain="films") for title in titles}
    content = b"".join(hashlib.sha256(path.read_bytes()).digest() for path in (test_path, valid_path))
    corpus = corpus_of_items("tallrec", items, {}, content)
    known = np.empty(0, np.bool_)
    split = Split(known=known, test=_held_out(corpus, test), fitting_known=known, validation=_held_out(corpus, valid))
    return TallRec(corpus=corpus, split=split)


def _held_out(corpus: Corpus, rows: Sequence[_Row]) -> HeldOutRows:
    places = {item_id: place for place, item_id in enumerate(corpus.item_ids)}
    past = [
        (title, liked)
        for row in rows
        for titles, liked in ((row.disliked, False), (row.liked, True))
        for title in titles
    ]
    lengths = [len(row.disliked) + len(row.liked) for row in rows]
    columns = Past(
        item_index=np.array([places[title] for title, _ in past], dtype=np.int32),
        timestamps=np.array([float(place) for length in lengths for place in range(length)]),
        liked=np.array([liked for _, liked in past], dtype=np.bool_),
        ratings=np.full(len(past), np.nan),
    )
    asked = Rows(
        case_ids=[f"row-{place}" for place in range(1, len(rows) + 1)],
        user_ids=[None] * len(rows),
        bounds=bounds_from(lengths),
        asked=np.array([places[row.asked] for row in rows], dtype=np.int32),
        labels=np.array([row.label for row in rows]),
    )
    return HeldOutRows(corpus, columns, asked)


def _rows(path: Path) -> tuple[_Row, ...]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(found, list) or not found:
        raise InputError(f"{path} is not a JSON list of cases")
    return tuple(_row(path, place, one) for place, one in enumerate(found, start=1))


def _row(path: Path, place: int, found: object) -> _Row:
    sentences = _SENTENCES.fullmatch(str(found.get("input"))) if isinstance(found, dict) else None
    label = _LABELS.get(str(found.get("output")).strip()) if isinstance(found, dict) else None
    if sentences is None or label is None:
        raise InputError(f'{path}, row {place}: not a TALLRec case with input and output "Yes." or "No."')
    try:
        return _Row(
            liked=_titles(sentences["liked"]),
            disliked=_titles(sentences["disliked"]),
            asked=clean_id(sentences["asked"], "title"),
            label=label,
        )
    except RowError as error:
        raise InputError(f"{path}, row {place}: {error}") from error


def _titles(listed: str) -> tuple[str, ...]:
    """Titles of a list such as `"Alien (1979)", "Dune (1984)"`, which may hold commas."""
    text = listed.strip()
    if not text:
        return ()
    if len(text) < 2 or not (text.startswith('"') and text.endswith('"')):
        raise RowError(f"{text[:40]!r} is no list of titles in quotes")
    return tuple(clean_id(title, "title") for title in text[1:-1].split('", "'))
