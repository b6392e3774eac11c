"""What of a text that grows may be shown, if it is to end before certain words."""

from __future__ import annotations

from collections.abc import Sequence


class Shown:
    """A text up to the first of the stops, piece by piece; an end that may turn out to begin a stop is held back."""

    def __init__(self, stops: Sequence[str] | None) -> None:
        """Empty stops count for nothing."""
        self._stops = [stop for stop in stops or () if stop]
        self._held = ""
        self.stopped = False
        """Whether a stop came."""

    def more(self, piece: str) -> str:
        """What may be shown now that this piece has come."""
        if self.stopped:
            return ""
        self._held += piece
        return self._released(len(self._held) - self._begun(self._held))

    def rest(self) -> str:
        """What was held back, now that nothing more comes."""
        return self._released(len(self._held))

    def _released(self, certain: int) -> str:
        """As much of what is held as no stop that may still come could begin in, up to the first stop."""
        ends = [place for stop in self._stops if 0 <= (place := self._held.find(stop)) <= certain]
        self.stopped = self.stopped or bool(ends)
        released = self._held[: min(ends, default=certain)]
        self._held = "" if self.stopped else self._held[certain:]
        return released

    def _begun(self, text: str) -> int:
        """The length of the longest end that begins a stop."""
        lengths = (n for stop in self._stops for n in range(1, len(stop)) if text.endswith(stop[:n]))
        return max(lengths, default=0)
