"""Remembers what the model computed for the beginnings of prompts, so that a shared beginning is computed once."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from ranking.engines.attention import LayerStates, PrefixStates


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """The states of the first `length` tokens of a prefix."""

    length: int
    states: PrefixStates


class PrefixCache:
    """The states of the prefixes used last, found by their longest common beginning; bounded by their tokens in sum.

    Any common beginning counts: the system turn that all prompts share, the same user asked again, or the one prefix
    of all unconditional prompts. Not thread-safe: it belongs to the engine's one worker.
    """

    def __init__(self, max_tokens: int) -> None:
        self._max_tokens = max_tokens
        self._entries: OrderedDict[tuple[int, ...], PrefixStates] = OrderedDict()
        self._tokens = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def tokens(self) -> int:
        """Tokens held."""
        return self._tokens

    def longest(self, prefix: tuple[int, ...]) -> Known | None:
        """The longest known beginning, but at least one token is left to compute: its output predicts the branch."""
        best, found = 0, None
        for ids in self._entries:
            common = _common(ids, prefix)
            if common > best:
                best, found = common, ids
        best = min(best, len(prefix) - 1)
        if found is None or best <= 0:
            return None
        self._entries.move_to_end(found)
        return Known(length=best, states=_first(self._entries[found], best))

    def store(self, prefix: tuple[int, ...], states: PrefixStates) -> None:
        """Keeps the states of a whole prefix; the least recently used ones make room. Too long a prefix is not kept."""
        if prefix in self._entries:
            self._entries.move_to_end(prefix)
            return
        if len(prefix) > self._max_tokens:
            return
        # What the new prefix begins with is contained in it.
        for ids in [ids for ids in self._entries if ids == prefix[: len(ids)]]:
            self._drop(ids)
        # A copy, because what comes in may be a view that keeps a whole forward pass in memory.
        self._entries[prefix] = PrefixStates(
            layers=tuple(LayerStates(keys=one.keys.clone(), values=one.values.clone()) for one in states.layers)
        )
        self._tokens += len(prefix)
        while self._tokens > self._max_tokens:
            self._drop(next(iter(self._entries)))

    def _drop(self, ids: tuple[int, ...]) -> None:
        del self._entries[ids]
        self._tokens -= len(ids)


def _common(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    for index, (mine, theirs) in enumerate(zip(one, other, strict=False)):
        if mine != theirs:
            return index
    return min(len(one), len(other))


def _first(states: PrefixStates, length: int) -> PrefixStates:
    return PrefixStates(
        layers=tuple(
            LayerStates(keys=layer.keys[:, :length], values=layer.values[:, :length]) for layer in states.layers
        )
    )
