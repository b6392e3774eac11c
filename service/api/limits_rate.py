"""How often somebody may ask."""

from __future__ import annotations

import math
import time

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter


class Rates:
    """Counts the requests of the last minute, in the memory of this process: the service is one process.

    A sliding window made of two counters: two numbers for each asker, and no double allowance where minutes meet.
    """

    def __init__(self) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def wait_s(self, asker: str, per_minute: int) -> int | None:
        """Counts a request; None where it is allowed, else the seconds until another may be (at least 1)."""
        most = RateLimitItemPerMinute(per_minute)
        if await self._limiter.hit(most, asker):
            return None
        stats = await self._limiter.get_window_stats(most, asker)
        return max(1, math.ceil(stats.reset_time - time.time()))
