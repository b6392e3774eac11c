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
from retrieval.record import Record
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
    """Everything in the record."""
    items = {item.item_id: item for item in record.iter_items()}
    users = record.users(record.iter_user_ids())
    item_ids = tuple(sorted(items))
    columns = record.interaction_columns()
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
            ratings=_ratings(record, columns.user_index, columns.item_index),
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


def _ratings(
    record: Record, user_index: npt.NDArray[np.int32], item_index: npt.NDArray[np.int32]
) -> npt.NDArray[np.float64]:
    """Ratings beside the record's columns; NaN where there is none."""
    # The record lists interactions by user and item, its columns by user and time.
    by_pair = np.lexsort((item_index, user_index))
    found = (np.nan if one.rating is None else one.rating for one in record.iter_interactions())
    ratings = np.empty(len(user_index), np.float64)
    ratings[by_pair] = np.fromiter(found, np.float64, len(user_index))
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
