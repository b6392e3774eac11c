"""How fast the model was lately, and how many candidates it can therefore rank in a given time."""

from __future__ import annotations

_NEWEST = 0.5
_MARGIN = 0.9


class Pace:
    """Seconds that one candidate took, as a moving mean in which the newest measurement weighs half.

    The seconds include the wait for other requests, so that a crowded model is given less to do. A prompt's fixed part
    is spread over its candidates: measured on few of them, a candidate seems dear; asked for as many as fit, the number
    settles where the whole call takes the time there is.
    """

    def __init__(self) -> None:
        self._seconds: float | None = None

    @property
    def seconds(self) -> float | None:
        """Of one candidate; None before the first measurement."""
        return self._seconds

    def add(self, candidates: int, seconds: float) -> None:
        """Notes what a call took."""
        measured = seconds / max(1, candidates)
        known = measured if self._seconds is None else self._seconds
        self._seconds = _NEWEST * measured + (1 - _NEWEST) * known

    def fitting(self, candidates: int, seconds: float, at_least: int) -> int:
        """How many of the candidates can be ranked in the time, but at_least so many if they are there."""
        if self._seconds is None or self._seconds * candidates <= seconds:
            return candidates
        return min(candidates, max(at_least, int(_MARGIN * seconds / self._seconds)))
