"""The same questions where less is known: what a younger shop with fewer users would have to go by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np

from evaluation.data.types import Corpus, HeldOut, Split
from evaluation.protocols.targets import users_of
from ranking.draws import Draw


class Chosen(Sequence[HeldOut]):
    """Some entries of a longer sequence, read when they are asked for."""

    def __init__(self, entries: Sequence[HeldOut], places: Sequence[int]) -> None:
        self._entries = entries
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, place: int) -> HeldOut: ...

    @overload
    def __getitem__(self, place: slice) -> Chosen: ...

    def __getitem__(self, place: int | slice) -> HeldOut | Chosen:
        if isinstance(place, slice):
            return Chosen(self._entries, self._places[place])
        return self._entries[self._places[place]]


def know_less(corpus: Corpus, split: Split, n: int, seed: int) -> Split:
    """The split with the interactions of so few users that hardly more than n are known.

    Users are taken in an order drawn by seed until they have n interactions or more, so a smaller n knows a part of
    what a larger one knows. Users who are left out give no validation cases either. The test cases stay as they are,
    with their own histories: somebody new to the shop still did what they did.
    """
    words = [Draw(seed=seed, purpose="known", key=user_id).words(1)[0] for user_id in corpus.user_ids]
    order = np.argsort(np.array(words, dtype=np.uint64), kind="stable")
    owned = np.bincount(corpus.user_index[split.known], minlength=len(corpus.user_ids))[order]
    taken = int(np.searchsorted(np.cumsum(owned), n)) + 1 if n else 0
    kept = np.zeros(len(corpus.user_ids), dtype=np.bool_)
    kept[order[:taken]] = True
    names = {user_id for user_id, stays in zip(corpus.user_ids, kept.tolist(), strict=True) if stays}
    rows = kept[corpus.user_index] if len(corpus.user_index) else split.known
    places = [place for place, user_id in enumerate(users_of(split.validation)) if user_id in names]
    return Split(
        known=split.known & rows,
        test=split.test,
        fitting_known=split.fitting_known & rows,
        validation=Chosen(split.validation, places),
    )
