"""Ctrl-C as a request: the first one stops the work at its next safe place, the second at once."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any


class StoppedError(Exception):
    """The work was asked to stop."""


class Interruption:
    """While it is entered, Ctrl-C makes `check` raise StoppedError. Outside the main thread only `request` does."""

    def __init__(self) -> None:
        self._requested = False
        self._before: Any = None

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def request(self) -> None:
        """Asks the work to stop."""
        self._requested = True

    def check(self) -> None:
        """Raises StoppedError if the work was asked to stop."""
        if self._requested:
            raise StoppedError

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._requested:
            raise KeyboardInterrupt
        self._requested = True
