"""A corpus from a record, or from items alone, with its digest."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evaluation.data.types import Corpus
from retrieval.record import InteractionColumns, Record
from retrieval.types import Item, User


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """Interactions as parallel columns in any order; the indices point into the corpus's sorted ids."""

    user_index: npt.NDArray[np.int32]
    item_index: npt.NDArray[np.int32]
    timestamps: npt.NDArray[np.float64]
    liked: npt.NDArray[np.bool_]
    ratings: npt.NDArray[np.float64]


def corpus_of_record(record: Record, name: str) -> Corpus:
    """Everything in the record, with the interactions of one moment: others may write to it meanwhile."""
    columns, items = record.interaction_columns(), _items(record)
    while not items.keys() >= set(columns.item_ids):  # one was deleted between the two readings
        columns, items = record.interaction_columns(), _items(record)
    users = record.users(record.iter_user_ids())
    item_ids = tuple(sorted(items))
    places = {item_id: place for place, item_id in enumerate(item_ids)}
    into = np.fromiter((places[item_id] for item_id in columns.item_ids), np.int32, len(columns.item_ids))
    item_index = into[columns.item_index] if len(into) else columns.item_index
    return make_corpus(
        name,
        items,
        users,
        columns.user_ids,
        Columns(
            user_index=columns.user_index,
            item_index=item_index,
            timestamps=columns.timestamps,
            liked=columns.liked,
            ratings=_ratings(record, columns),
        ),
    )


def make_corpus(
    name: str, items: Mapping[str, Item], users: Mapping[str, User], user_ids: tuple[str, ...], columns: Columns
) -> Corpus:
    """Sorts the columns and takes the digest. `user_ids` are the sorted ids of the users with an interaction."""
    item_ids = tuple(sorted(items))
    order = np.lexsort((columns.item_index, columns.timestamps, columns.user_index))
    ordered = Columns(
        user_index=columns.user_index[order],
        item_index=columns.item_index[order],
        timestamps=columns.timestamps[order],
        liked=columns.liked[order],
        ratings=columns.ratings[order],
    )
    return Corpus(
        name=name,
        items={item_id: items[item_id] for item_id in item_ids},
        users={user_id: users[user_id] for user_id in sorted(users)},
        item_ids=item_ids,
        user_ids=user_ids,
        user_index=ordered.user_index,
        item_index=ordered.item_index,
        timestamps=ordered.timestamps,
        liked=ordered.liked,
        ratings=ordered.ratings,
        digest=_digest(items, users, user_ids, ordered),
    )


def corpus_of_items(name: str, items: Mapping[str, Item], users: Mapping[str, User], content: bytes = b"") -> Corpus:
    """A corpus without interactions. `content` goes into the digest: what else the data set consists of."""
    nothing = Columns(
        user_index=np.empty(0, np.int32),
        item_index=np.empty(0, np.int32),
        timestamps=np.empty(0, np.float64),
        liked=np.empty(0, np.bool_),
        ratings=np.empty(0, np.float64),
    )
    return with_content(make_corpus(name, items, users, (), nothing), content)


def with_content(corpus: Corpus, content: bytes) -> Corpus:
    """The corpus with a digest that also covers what is asked, where the data set itself says that."""
    digest = hashlib.sha256(corpus.digest.encode() + content).hexdigest()
    return dataclasses.replace(corpus, digest=digest)


def _items(record: Record) -> dict[str, Item]:
    return {item.item_id: item for item in record.iter_items()}


def _ratings(record: Record, columns: InteractionColumns) -> npt.NDArray[np.float64]:
    """Ratings beside the record's columns; NaN where there is none."""
    users = {user_id: place for place, user_id in enumerate(columns.user_ids)}
    items = {item_id: place for place, item_id in enumerate(columns.item_ids)}
    # Joined by the pair and not by the order: there may be more of them by now, or fewer.
    told = (
        (users[one.user_id] * len(items) + items[one.item_id], one.rating)
        for one in record.iter_interactions()
        if one.rating is not None and one.user_id in users and one.item_id in items
    )
    rated = np.fromiter(told, np.dtype([("pair", np.int64), ("rating", np.float64)]))
    pairs = columns.user_index.astype(np.int64) * len(items) + columns.item_index
    _, here, there = np.intersect1d(pairs, rated["pair"], assume_unique=True, return_indices=True)
    ratings = np.full(len(pairs), np.nan)
    ratings[here] = rated["rating"][there]
    return ratings


def _digest(items: Mapping[str, Item], users: Mapping[str, User], user_ids: Iterable[str], columns: Columns) -> str:
    digest = hashlib.sha256()
    for item_id in sorted(items):
        item = items[item_id]
        _add(digest, [item_id, item.title, item.domain, item.description, item.added_at, dict(item.attributes)])
    for user_id in sorted(users):
        _add(digest, [user_id, dict(users[user_id].attributes)])
    _add(digest, list(user_ids))
    for places in (columns.user_index, columns.item_index):
        digest.update(places.astype("<i4").tobytes())
    for numbers in (columns.timestamps, columns.ratings):
        # One bit pattern for NaN, whichever the reader made.
        digest.update(np.where(np.isnan(numbers), np.nan, numbers).astype("<f8").tobytes())
    digest.update(columns.liked.tobytes())
    return digest.hexdigest()


def _add(digest: hashlib._Hash, value: object) -> None:
    digest.update(json.dumps(value, ensure_ascii=True, sort_keys=True).encode() + b"\n")
