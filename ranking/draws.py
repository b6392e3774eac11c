"""Random draws that depend on (seed, purpose, id) and on nothing else: no stream to advance, no library's version.

All come from SHAKE-256 of "seed|purpose|id", read as 64-bit words, so a longer draw begins with the shorter one.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

_WORD = 2**64


@dataclass(frozen=True, kw_only=True, slots=True)
class Draw:
    """What is drawn for: two draws that differ in one field are independent."""

    seed: int
    purpose: str
    key: str

    def words(self, n: int) -> tuple[int, ...]:
        """So many uniform integers in [0, 2^64)."""
        digest = hashlib.shake_256(f"{self.seed}|{self.purpose}|{self.key}".encode()).digest(8 * n)
        return struct.unpack(f"<{n}Q", digest)

    def fraction(self) -> float:
        """A uniform number in [0, 1), in steps of 2^-53 so that it never rounds to 1."""
        return (self.words(1)[0] >> 11) / 2**53

    def shuffled(self, values: Sequence[T]) -> tuple[T, ...]:
        """The values in a uniformly random order."""
        words = self.words(len(values))
        return tuple(values[place] for place in sorted(range(len(values)), key=words.__getitem__))

    def distinct(self, n: int, pool: Sequence[int], barred: Container[int], n_barred: int) -> list[int]:
        """So many distinct values of the pool, uniform over those that are not barred, in random order.

        `n_barred` is how many of the pool's values are barred. Raises ValueError if fewer than n are left.
        """
        allowed = len(pool) - n_barred
        if n > allowed:
            raise ValueError(f"{n} values asked for, {allowed} are left")
        if 2 * n > allowed or 2 * n_barred > len(pool):
            # Guessing would miss too often: shuffle everything and take the first that will do.
            return [value for value in self.shuffled(pool) if value not in barred][:n]
        chosen: dict[int, None] = {}
        drawn, wanted = 0, 2 * n + 8
        while len(chosen) < n:
            for word in self.words(wanted)[drawn:]:
                value = pool[word * len(pool) // _WORD]
                if value not in barred:
                    chosen[value] = None
                    if len(chosen) == n:
                        break
            drawn, wanted = wanted, 2 * wanted
        return list(chosen)
