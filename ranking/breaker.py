"""A circuit breaker: what fails again and again is left alone for a while, then tried by one caller."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, TypeAlias

import structlog

State: TypeAlias = Literal["closed", "open", "half-open"]
_log = structlog.get_logger(__name__)


class Breaker:
    """Closed, it lets every call through, until `failures` in a row failed; then it is open and lets none through.

    After `rest_s` seconds it is half-open: one call at a time is let through, and what comes of it closes the breaker
    or opens it again. A call that began before the state last changed changes nothing. Belongs to one event loop.
    """

    def __init__(self, name: str, *, failures: int, rest_s: float, now: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._most, self._rest_s, self._now = failures, rest_s, now
        self._failed = 0
        self._opened_at: float | None = None
        self._changes = 0
        self._probe: Attempt | None = None

    @property
    def state(self) -> State:
        """What the next call meets: half-open as soon as the rest is over."""
        if self._opened_at is None:
            return "closed"
        return "half-open" if self._now() - self._opened_at >= self._rest_s else "open"

    def admit(self) -> Attempt | None:
        """A call that may be made, to be told how it went; None where it must not be made."""
        state = self.state
        if state == "open" or (state == "half-open" and self._probe is not None):
            return None
        attempt = Attempt(self, self._changes)
        if state == "half-open":
            self._probe = attempt
        return attempt

    def tell(self, attempt: Attempt, changes: int, *, succeeded: bool) -> None:
        """For Attempt only."""
        if changes != self._changes:
            return
        if succeeded:
            self._failed = 0
            if self._opened_at is not None:
                self._change(None)
            return
        self._failed += 1
        if attempt is self._probe or self._failed >= self._most:
            self._change(self._now())

    def release(self, attempt: Attempt) -> None:
        """For Attempt only."""
        if self._probe is attempt:
            self._probe = None

    def _change(self, opened_at: float | None) -> None:
        self._opened_at, self._failed, self._probe = opened_at, 0, None
        self._changes += 1
        _log.warning("breaker closed" if opened_at is None else "breaker open", of=self._name)


class Attempt:
    """One call that was let through. Say `succeeded` or `failed`, or neither, and in the end `over`."""

    def __init__(self, breaker: Breaker, changes: int) -> None:
        self._breaker, self._changes = breaker, changes

    def succeeded(self) -> None:
        """It worked."""
        self._breaker.tell(self, self._changes, succeeded=True)

    def failed(self) -> None:
        """It did not, and the caller is not to blame."""
        self._breaker.tell(self, self._changes, succeeded=False)

    def over(self) -> None:
        """Frees the place of the one call that a half-open breaker lets through."""
        self._breaker.release(self)
