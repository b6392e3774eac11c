"""How often each item was shown lately, to anybody, by the log of lists."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

from retrieval.record import Record

_BUCKET_S = 3600.0
_OVERLAP_S = 120.0
"""Lists are logged a moment after their time, and by other processes: what is that late is still counted."""
_STALE_S = 1.0
"""What was read so lately is not read again: every list of a busy service asks twice."""


class ItemShows:
    """Counts of lists by item over a span, read on from where it was last read. Thread-safe."""

    def __init__(self, record: Record, span_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`span_s` is how far back lists count, to the hour; `clock` tells seconds, from any moment."""
        self._record, self._span_s, self._clock = record, span_s, clock
        self._lock = threading.Lock()
        self._buckets: dict[int, Counter[str]] = {}
        self._total: Counter[str] = Counter()
        self._read_to: float | None = None
        self._read_at = 0.0
        self._late: dict[str, float] = {}

    def counts(self, now: float) -> Counter[str]:
        """By item id, in how many lists it was in the span before now, as of a second ago. Do not change it.

        A clock that goes backwards counts what was counted: no list is counted twice, none is taken back.
        """
        with self._lock:
            at = self._clock()
            if self._read_to is None or at - self._read_at >= _STALE_S:
                since = now - self._span_s if self._read_to is None else self._read_to - _OVERLAP_S
                read_to = max(now, self._read_to or now)
                self._read(since, read_to - _OVERLAP_S)
                self._forget(now - self._span_s)
                self._read_to, self._read_at = read_to, at
            return self._total

    def _read(self, since: float, next_since: float) -> None:
        for shown in self._record.shown().since(since, self._late):
            bucket = self._buckets.setdefault(int(shown.asked_at // _BUCKET_S), Counter())
            bucket.update(shown.item_ids)
            self._total.update(shown.item_ids)
            self._late[shown.request_id] = shown.asked_at
        self._late = {request_id: asked_at for request_id, asked_at in self._late.items() if asked_at >= next_since}

    def _forget(self, before: float) -> None:
        for bucket in [one for one in self._buckets if (one + 1) * _BUCKET_S <= before]:
            self._total.subtract(self._buckets.pop(bucket))
        self._total = +self._total
