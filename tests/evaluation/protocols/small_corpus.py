"""Made-up data sets: users and what they took, as a corpus; what is known of it, as training data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from evaluation.data.types import Corpus, HeldOut, Mask
from evaluation.types import Training
from retrieval.types import Item, PastItem


@dataclass(frozen=True, kw_only=True, slots=True)
class Took:
    user: str
    item: str
    at: float
    liked: bool = True
    rating: float | None = None


def item(item_id: str, domain: str = "films") -> Item:
    return Item(item_id=item_id, title=f"Title {item_id}", domain=domain)


def corpus_of(took: Sequence[Took], catalogue: Sequence[str] = (), domains: Mapping[str, str] | None = None) -> Corpus:
    """Items begin in domain "films" unless `domains` says otherwise."""
    rows = sorted(took, key=lambda row: (row.user, row.at, row.item))
    item_ids = tuple(sorted({row.item for row in rows} | set(catalogue)))
    user_ids = tuple(sorted({row.user for row in rows}))
    return Corpus(
        name="small",
        items={item_id: item(item_id, (domains or {}).get(item_id, "films")) for item_id in item_ids},
        users={},
        item_ids=item_ids,
        user_ids=user_ids,
        user_index=np.array([user_ids.index(row.user) for row in rows], dtype=np.int32),
        item_index=np.array([item_ids.index(row.item) for row in rows], dtype=np.int32),
        timestamps=np.array([row.at for row in rows], dtype=np.float64),
        liked=np.array([row.liked for row in rows], dtype=np.bool_),
        ratings=np.array([np.nan if row.rating is None else row.rating for row in rows], dtype=np.float64),
        digest="small",
    )


def training_of(corpus: Corpus, known: Mask) -> Training:
    users = np.unique(corpus.user_index[known])
    renumbered = np.searchsorted(users, corpus.user_index[known]).astype(np.int32)
    return Training(
        items=corpus.items,
        item_ids=corpus.item_ids,
        user_ids=tuple(corpus.user_ids[user] for user in users),
        user_index=renumbered,
        item_index=corpus.item_index[known],
        timestamps=corpus.timestamps[known],
        liked=corpus.liked[known],
        ratings=corpus.ratings[known],
        vectors=np.ones((len(corpus.item_ids), 1), dtype=np.float32),
    )


def without_user(corpus: Corpus, user_id: str) -> Corpus:
    """The same catalogue with one user less."""
    rows = [row for row in took_in(corpus) if row.user != user_id]
    return corpus_of(rows, corpus.item_ids, {key: value.domain for key, value in corpus.items.items()})


def took_in(corpus: Corpus) -> list[Took]:
    return [
        Took(
            user=corpus.user_ids[corpus.user_index[row]],
            item=corpus.item_ids[corpus.item_index[row]],
            at=float(corpus.timestamps[row]),
            liked=bool(corpus.liked[row]),
            rating=None if np.isnan(corpus.ratings[row]) else float(corpus.ratings[row]),
        )
        for row in range(len(corpus.user_index))
    ]


def everyone(n_users: int = 12, n_items: int = 40, length: int = 6) -> Corpus:
    """Users who each took `length` items, rated 1 to 5, liked from 4; even items are films, odd ones books."""
    took = [
        Took(
            user=f"u{user:02}",
            item=f"i{(user * 3 + step * 5) % n_items:02}",
            at=float(user + 10 * step),
            rating=float((user + 2 * step) % 5 + 1),
            liked=(user + 2 * step) % 5 + 1 >= 4,
        )
        for user in range(n_users)
        for step in range(length)
    ]
    catalogue = [f"i{place:02}" for place in range(n_items)]
    return corpus_of(took, catalogue, dict.fromkeys(catalogue[1::2], "books"))


def past(*item_ids: str, domain: str = "films") -> tuple[PastItem, ...]:
    return tuple(PastItem(item=item(item_id, domain), timestamp=float(at)) for at, item_id in enumerate(item_ids))


def held(case_id: str, *history: str, target: str | None = None, user_id: str | None = None, **more: object) -> HeldOut:
    return HeldOut(case_id=case_id, user_id=user_id, history=past(*history), target=target, **more)  # type: ignore[arg-type]


def ids(history: Sequence[PastItem]) -> list[str]:
    return [each.item.item_id for each in history]


def some(n: int) -> settings:
    """So many examples, however slow the machine is."""
    return settings(max_examples=n, deadline=None)


@st.composite
def corpora(draw: st.DrawFn) -> Corpus:
    """A few users, each with distinct items, times that tie, and some likes; 30 items."""
    took = []
    for user in range(draw(st.integers(1, 5))):
        for item_id in draw(st.lists(st.integers(0, 29), min_size=1, max_size=8, unique=True)):
            at, liked = float(draw(st.integers(0, 6))), draw(st.booleans())
            took.append(Took(user=f"u{user}", item=f"i{item_id:02}", at=at, liked=liked, rating=5.0 if liked else 2.0))
    return corpus_of(took, [f"i{place:02}" for place in range(30)])
