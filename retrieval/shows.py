"""How often each item was shown lately, to anybody, by the log of lists."""

from __future__ import annotations

import threading
from collections import Counter

from retrieval.record import Record

_BUCKET_S = 3600.0
_OVERLAP_S = 120.0
"""Lists are logged a moment after their time, and by other processes: what is that late is still counted."""


class ItemShows:
    """Counts of lists by item over a span, read on from where it was last read. Thread-safe."""

    def __init__(self, record: Record, span_s: float) -> None:
        """`span_s` is how far back lists count, to the hour."""
        self._record, self._span_s = record, span_s
        self._lock = threading.Lock()
        self._buckets: dict[int, Counter[str]] = {}
        self._total: Counter[str] = Counter()
        self._read_to: float | None = None
        self._late: set[str] = set()

    def counts(self, now: float) -> Counter[str]:
        """By item id, in how many lists it was in the span before now. Do not change it.

        A clock that goes backwards counts what was counted: no list is counted twice, none is taken back.
        """
        with self._lock:
            since = now - self._span_s if self._read_to is None else self._read_to - _OVERLAP_S
            late = set()
            for shown in self._record.shown().since(since):
                late.add(shown.request_id)
                if shown.request_id in self._late:
                    continue
                bucket = self._buckets.setdefault(int(shown.asked_at // _BUCKET_S), Counter())
                bucket.update(shown.item_ids)
                self._total.update(shown.item_ids)
            self._late = late
            self._read_to = max(now, self._read_to or now)
            self._forget(now - self._span_s)
            return self._total

    def _forget(self, before: float) -> None:
        for bucket in [one for one in self._buckets if (one + 1) * _BUCKET_S <= before]:
            self._total.subtract(self._buckets.pop(bucket))
        self._total = +self._total
