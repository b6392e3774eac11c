"""What is learnt of a request while it is answered: its rung for the log, and its prompts where these are kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import cast

from prompts.types import Dialogue, Prompt
from ranking.protocol import Engine, Generator, Loaded
from ranking.types import Completion, EngineInfo, EngineLoad, GenerationLimits, PromptScores, Recommendation

MOST_PROMPTS = 64
"""Of one list; what is asked after these is not kept."""


@dataclass(kw_only=True, slots=True)
class Overheard:
    """Of one request; whatever works for it writes here, in tasks and threads of its own too."""

    answer: Recommendation | None = None
    """The last list that was made."""
    prompts: list[Prompt | Dialogue] = field(default_factory=list)


_NOW: ContextVar[Overheard | None] = ContextVar("overheard", default=None)


@contextmanager
def overhearing() -> Iterator[Overheard]:
    """For the length of a request."""
    heard = Overheard()
    token = _NOW.set(heard)
    try:
        yield heard
    finally:
        _NOW.reset(token)


def overheard() -> Overheard | None:
    """Of the request that is being answered; None outside of one."""
    return _NOW.get()


class ListeningEngine:
    """An engine whose prompts are noted down for the request that asks."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def info(self) -> EngineInfo:
        """That of the engine."""
        return self._engine.info

    @property
    def control_tokens(self) -> frozenset[str]:
        """Those of the engine."""
        return self._engine.control_tokens

    def count_tokens(self, text: str) -> int:
        """As the engine counts."""
        return self._engine.count_tokens(text)

    async def score(self, prompts: Sequence[Prompt]) -> list[PromptScores]:
        """As the engine scores."""
        _note(prompts)
        return await self._engine.score(prompts)

    async def generate(self, dialogues: Sequence[Dialogue], limits: GenerationLimits) -> list[Completion]:
        """As the engine writes, if it has the capability "generate"."""
        _note(dialogues)
        return await cast(Generator, self._engine).generate(dialogues, limits)


class LoadedListeningEngine(ListeningEngine):
    """The same for an engine that can say how busy it is."""

    def load(self) -> EngineLoad:
        """That of the engine."""
        return cast(Loaded, self._engine).load()


@contextmanager
def listening(opened: AbstractContextManager[Engine]) -> Iterator[Engine]:
    """The engine that is opened, with its prompts noted down."""
    with opened as engine:
        yield LoadedListeningEngine(engine) if isinstance(engine, Loaded) else ListeningEngine(engine)


def _note(asked: Sequence[Prompt | Dialogue]) -> None:
    heard = _NOW.get()
    if heard is not None:
        heard.prompts.extend(asked[: max(0, MOST_PROMPTS - len(heard.prompts))])
