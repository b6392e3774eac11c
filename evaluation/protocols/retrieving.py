"""Candidates from the retriever that serves, remembered in a file so that a resumed run does not ask again."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Collection
from pathlib import Path
from typing import Protocol

from evaluation.errors import EvaluationError
from evaluation.protocols.protocol import Ask, Retrieve
from retrieval.closing import Closing
from retrieval.types import Query, Retrieved

_TABLE = "CREATE TABLE IF NOT EXISTS retrieved (key TEXT PRIMARY KEY, ids TEXT NOT NULL) WITHOUT ROWID"


class AnswersQueries(Protocol):
    """What is needed of `retrieval.retriever.Retriever`."""

    def retrieve(self, query: Query, n: int) -> Retrieved:
        """At most n candidates, best first."""


class RetrieverCandidates:
    """The retriever's own order, from the case's history instead of the record's. It never gives seen items."""

    def __init__(self, retriever: AnswersQueries, users: Collection[str], as_of: float) -> None:
        """`users` are those of the record; others are asked for as strangers.

        `as_of` is the moment of every request that names none, in Unix seconds: later than all that is known and than
        all histories, and fixed, so that what decays with time does not depend on the day of the run.
        """
        self._retriever = retriever
        self._users = users if isinstance(users, set | frozenset) else frozenset(users)
        self._as_of = as_of

    def __call__(self, ask: Ask) -> tuple[str, ...]:
        """The retriever's candidates, best first. Raises EvaluationError where `as_of` would hide history."""
        as_of = self._as_of if ask.as_of is None else ask.as_of
        if ask.history and ask.history[-1].timestamp >= as_of:
            raise EvaluationError(
                f"user {ask.user_id!r} has history at {ask.history[-1].timestamp}, which the moment of the requests, "
                f"{as_of}, would hide; give a later as_of"
            )
        query = Query(
            user_id=ask.user_id if ask.user_id in self._users else None,
            history=ask.history,
            exclude=ask.exclude,
            domain=ask.domain,
            as_of=as_of,
        )
        return tuple(candidate.item.item_id for candidate in self._retriever.retrieve(query, ask.depth).candidates)


class CachedRetrieve(Closing):
    """Remembers answers in a SQLite file. A context manager for one thread; processes may share the file."""

    def __init__(self, retrieve: Retrieve, path: Path, context: str) -> None:
        """`context` digests all that changes answers beside the question: training data, index, settings, as_of.

        Raises EvaluationError if the file is not such a cache.
        """
        self._retrieve = retrieve
        self._path = path
        self._context = context
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(path, timeout=60, isolation_level=None)
            # A killed process loses nothing that was answered; only a power cut may cost the last few answers.
            self._file.execute("PRAGMA journal_mode=WAL")
            self._file.execute("PRAGMA synchronous=NORMAL")
            self._file.execute(_TABLE)
        except (OSError, sqlite3.Error) as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def __call__(self, ask: Ask) -> tuple[str, ...]:
        """The remembered answer, or else the retriever's. Raises EvaluationError if the file cannot be used."""
        key = self._key(ask)
        try:
            row = self._file.execute("SELECT ids FROM retrieved WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error as error:
            raise self._failed(error) from error
        if row is not None:
            return tuple(json.loads(row[0]))
        ids = self._retrieve(ask)
        try:
            self._file.execute("INSERT OR IGNORE INTO retrieved VALUES (?, ?)", (key, json.dumps(ids)))
        except sqlite3.Error as error:
            raise self._failed(error) from error
        return ids

    def _key(self, ask: Ask) -> str:
        history = [(past.item.item_id, past.timestamp, past.liked, past.rating) for past in ask.history]
        question = [self._context, ask.user_id, history, sorted(ask.exclude), ask.domain, ask.depth, ask.as_of]
        return hashlib.sha256(json.dumps(question).encode()).hexdigest()

    def _failed(self, error: Exception) -> EvaluationError:
        return EvaluationError(
            f"cannot use {self._path}, where retrieved candidates are kept: {error}; free space, or delete the file"
        )
