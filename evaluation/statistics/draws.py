"""Random draws that depend on the seed, the purpose and the number of cases, and on nothing else.

Arms with the same number of defined cases are therefore resampled alike, and no arm's interval changes when another
arm is added. Draws come in blocks of bounded memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

_BLOCK = 1_000_000
"""Numbers drawn at once: 8 MB of them, which stay in a processor's cache."""

MEAN_WORK = 300_000_000
"""Cases times resamples of a mean at most: all 10,000 resamples up to 30,000 cases."""
POOLED_WORK = 30_000_000
"""The same of a number over all cases, which is computed anew for each resample: 10,000 up to 3,000 cases."""
_FEWEST = 1_000


def affordable(n: int, resamples: int, *, work: int = MEAN_WORK) -> int:
    """How many resamples of n cases are drawn: fewer than asked for, never below 1,000, where there are many cases."""
    return min(resamples, max(_FEWEST, work // max(n, 1)))


def generator(seed: int, purpose: str, n: int) -> np.random.Generator:
    """A generator of its own for each (seed, purpose, number of cases)."""
    digest = hashlib.sha256(f"{seed}|{purpose}|{n}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))


def _blocks(n: int, rows: int) -> Iterator[int]:
    step = max(1, _BLOCK // max(n, 1))
    for start in range(0, rows, step):
        yield min(step, rows - start)


def bootstrap_counts(n: int, *, seed: int, resamples: int) -> Iterator[Matrix]:
    """How often each of n cases is in each resample of n, as blocks of shape (b, n); `resamples` rows in all."""
    random = generator(seed, "bootstrap", n)
    for rows in _blocks(n, resamples):
        places = random.integers(0, n, size=(rows, n), dtype=np.int32)
        places += np.arange(0, rows * n, n, dtype=np.int32)[:, None]
        yield np.bincount(places.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float64)


def swaps(n: int, *, seed: int, resamples: int) -> Iterator[Matrix]:
    """Which of n cases swap the two arms, each with probability one half: blocks of 0 and 1, shape (b, n)."""
    random = generator(seed, "randomisation", n)
    for rows in _blocks(n, resamples):
        size = rows * n
        bits = np.unpackbits(np.frombuffer(random.bytes((size + 7) // 8), dtype=np.uint8), count=size)
        yield bits.reshape(rows, n).astype(np.float64)
