"""Packed scoring as pure arithmetic: many branches behind one shared prefix, many prompts in one sequence.

A prompt's tokens are laid out as its prefix followed by all its branches. Every branch continues the prefix: its
positions start where the prefix ends, and it may look at the prefix and at itself only. So each branch is computed as
if it stood alone, while the prefix is computed once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A prompt, or some branches of one, as token ids."""

    prefix: tuple[int, ...]
    cached: int
    """How many leading prefix tokens are known already and are left out of the sequence; fewer than the prefix has."""
    branches: tuple[tuple[int, ...], ...]
    """May hold empty branches, which take no room."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """Where a piece lies in the packed sequence. Offsets count tokens from the start of the sequence."""

    start: int
    """Offset of the first prefix token that is not cached."""
    cached: int
    n_prefix: int
    """Prefix tokens in the sequence, cached ones not counted."""
    branch_starts: tuple[int, ...]
    branch_lengths: tuple[int, ...]

    @property
    def prefix_end(self) -> int:
        """Offset just after the last prefix token, where the branches begin."""
        return self.start + self.n_prefix

    @property
    def end(self) -> int:
        """Offset just after the piece."""
        return self.prefix_end + sum(self.branch_lengths)


@dataclass(frozen=True, kw_only=True, slots=True)
class Packed:
    """One sequence for one forward pass."""

    ids: NDArray[np.int64]
    """Token ids, shape (n,)."""
    positions: NDArray[np.int64]
    """Position of each token in its own prompt-with-branch, shape (n,)."""
    spans: tuple[Span, ...]
    """One per piece, in order; together they cover the sequence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """Lengths of a prompt in tokens."""

    prefix: int
    branches: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """The branches start … stop - 1 of one prompt, to be computed in one pass."""

    prompt: int
    """Index of the prompt."""
    start: int
    stop: int


def pack(pieces: Sequence[Piece]) -> Packed:
    """Lays the pieces out one after another."""
    ids: list[int] = []
    positions: list[int] = []
    spans = []
    for piece in pieces:
        if not 0 <= piece.cached < len(piece.prefix):
            raise ValueError(f"{piece.cached} cached tokens of a prefix of {len(piece.prefix)}: one must remain")
        start = len(ids)
        ids.extend(piece.prefix[piece.cached :])
        positions.extend(range(piece.cached, len(piece.prefix)))
        starts = []
        for branch in piece.branches:
            starts.append(len(ids))
            ids.extend(branch)
            positions.extend(range(len(piece.prefix), len(piece.prefix) + len(branch)))
        spans.append(
            Span(
                start=start,
                cached=piece.cached,
                n_prefix=len(piece.prefix) - piece.cached,
                branch_starts=tuple(starts),
                branch_lengths=tuple(len(branch) for branch in piece.branches),
            )
        )
    return Packed(ids=np.array(ids, np.int64), positions=np.array(positions, np.int64), spans=tuple(spans))


def attention_mask(packed: Packed) -> NDArray[np.bool_]:
    """Which token (row) may look at which (column), shape (n, n). Only for pieces of which nothing is cached."""
    n = len(packed.ids)
    mask = np.zeros((n, n), dtype=np.bool_)
    for span in packed.spans:
        if span.cached:
            raise ValueError("a mask over the sequence alone cannot show cached tokens")
        prefix = slice(span.start, span.prefix_end)
        mask[prefix, prefix] = np.tri(span.n_prefix, dtype=np.bool_)
        mask[span.prefix_end : span.end, prefix] = True
        for start, length in zip(span.branch_starts, span.branch_lengths, strict=True):
            own = slice(start, start + length)
            mask[own, own] = np.tri(length, dtype=np.bool_)
    return mask


def plan(shapes: Sequence[Shape], max_tokens: int) -> tuple[tuple[Share, ...], ...]:
    """Divides prompts over passes of at most max_tokens, in order; every branch is in exactly one share.

    A prompt too long for one pass is split between branches, its prefix repeated. A prefix with a single branch is
    never split, even if it is longer than max_tokens. A prompt without branches gets no share.
    """
    passes: list[list[Share]] = [[]]
    room = max_tokens
    for prompt, shape in enumerate(shapes):
        start = 0
        while start < len(shape.branches):
            taken = _fitting(shape, start, room)
            if taken == 0 and passes[-1]:
                passes.append([])
                room = max_tokens
                continue
            stop = start + max(taken, 1)
            passes[-1].append(Share(prompt=prompt, start=start, stop=stop))
            room -= shape.prefix + sum(shape.branches[start:stop])
            start = stop
    return tuple(tuple(shares) for shares in passes if shares)


def _fitting(shape: Shape, start: int, room: int) -> int:
    """How many branches from start on fit the room together with their prefix."""
    room -= shape.prefix
    for taken, length in enumerate(shape.branches[start:]):
        room -= length
        if room < 0:
            return taken
    return len(shape.branches) - start
