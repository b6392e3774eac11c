"""What of a context fits a token budget: its history and demonstrations, and of a long query its beginning. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from prompts.budget import Kept, largest, most_that_fits
from prompts.texts import Texts

_SHORTEST_QUERY = 2
"""A character and the ellipsis after it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fitting:
    """What a prompt shows."""

    texts: Texts
    """The context's, with less of the query where the whole query did not fit."""
    kept: Kept


def fit(texts: Texts, needed: Callable[[Texts, Kept], int], max_tokens: int) -> Fitting | None:
    """The fullest prompt that needs at most that many tokens, or None if not even an empty one does.

    The history and the demonstrations go first, as `most_that_fits` tells, and then the end of the query.
    """
    whole = Kept(history=len(texts.history), demonstrations=len(texts.demonstrations))
    kept = most_that_fits(whole, lambda kept: needed(texts, kept) <= max_tokens)
    if kept is not None:
        return Fitting(texts=texts, kept=kept)
    if texts.query is None:
        return None
    empty = Kept(history=0, demonstrations=0)
    more = largest(
        len(texts.query.text) - _SHORTEST_QUERY,
        lambda more: needed(texts.with_query_of(_SHORTEST_QUERY + more), empty) <= max_tokens,
    )
    return None if more is None else Fitting(texts=texts.with_query_of(_SHORTEST_QUERY + more), kept=empty)
