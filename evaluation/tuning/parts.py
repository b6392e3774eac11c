"""What tuning drives: the tuner of ranking, and a tuned model that scores. Both load torch, so they are loaded late."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from prompts.template import Template
from prompts.types import PromptContext
from ranking.settings import ModelSettings
from ranking.tuning.config import TuningSettings
from ranking.tuning.types import OnProgress, Provenance, Tuned, TuningExample
from retrieval.protocol import Progress


class Tuner(Protocol):
    """See ranking.tuning.trainer.tune."""

    def __call__(
        self,
        settings: TuningSettings,
        model: ModelSettings,
        cache: Path,
        template: Template,
        max_tokens: int,
        examples: Sequence[TuningExample],
        validation: Sequence[TuningExample],
        output: Path,
        progress: OnProgress | None = None,
        *,
        provenance: Provenance | None = None,
    ) -> Tuned:
        """Tunes an adapter and writes its folder."""


class Scorer(Protocol):
    """Scores candidates with a model and its adapter."""

    def __call__(
        self,
        model: ModelSettings,
        cache: Path,
        template: Template,
        max_tokens: int,
        contexts: Sequence[PromptContext],
        progress: Progress | None = None,
    ) -> list[tuple[float, ...]]:
        """One score per candidate of each context."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """What a run is made with."""

    tune: Tuner
    score: Scorer


def real_parts() -> Parts:
    """Those that train and serve."""
    from ranking.tuning.trainer import tune

    return Parts(tune=tune, score=_score)


def _score(
    model: ModelSettings,
    cache: Path,
    template: Template,
    max_tokens: int,
    contexts: Sequence[PromptContext],
    progress: Progress | None = None,
) -> list[tuple[float, ...]]:
    from ranking.engines.transformers import TransformersEngine
    from ranking.strategies.yes_no import YesNo

    async def all_scores(strategy: YesNo) -> list[tuple[float, ...]]:
        found = []
        for done, context in enumerate(contexts, start=1):
            [verdict] = await strategy.score([context])
            found.append(verdict.scores)
            if progress is not None:
                progress("lists scored", done, len(contexts))
        return found

    with closing(TransformersEngine(model, cache)) as engine:
        return asyncio.run(all_scores(YesNo(engine, template, max_tokens)))
