"""An engine that fails, hangs, is slow and recovers, as a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from prompts.types import Prompt
from ranking.engines.scripted import ScriptedEngine
from ranking.errors import RankingError
from ranking.types import PromptScores


class FlakyEngine(ScriptedEngine):
    """FAKE engine: prefers long titles; raises `error`, or takes `seconds` and `per_branch` seconds more."""

    def __init__(self) -> None:
        super().__init__(lambda _prompt, branch: float(len(branch)))
        self.error: RankingError | None = None
        self.seconds = self.per_branch = 0.0
        self.asked: list[int] = []
        self.cancelled = 0
        self.reached = asyncio.Event()

    async def score(self, prompts: Sequence[Prompt]) -> list[PromptScores]:
        branches = sum(len(prompt.branches) for prompt in prompts)
        self.asked.append(branches)
        self.reached.set()
        if self.error is not None:
            raise self.error
        try:
            await asyncio.sleep(self.seconds + self.per_branch * branches)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return await super().score(prompts)
