"""How long the stages of an answer take."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ranking.types import Stage


@dataclass
class Clock:
    """Wall time by stage, in the order the stages first ran."""

    stages: dict[str, float] = field(default_factory=dict)
    last: float = field(default_factory=time.perf_counter)

    def lap(self, name: str) -> None:
        """What passed since the last call was this stage."""
        now = time.perf_counter()
        self.stages[name] = self.stages.get(name, 0.0) + now - self.last
        self.last = now

    def told(self) -> tuple[Stage, ...]:
        """The stages so far."""
        return tuple(Stage(name=name, seconds=seconds) for name, seconds in self.stages.items())
