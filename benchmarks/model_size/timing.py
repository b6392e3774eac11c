"""What models of different sizes take for the same lists: milliseconds in turns, megabytes of weights."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.managers import BaseManager
from pathlib import Path
from typing import Any, Protocol, TypeAlias, cast

from prompts.template import load_template
from prompts.types import PromptContext
from ranking.settings import ModelSettings
from retrieval.protocol import Progress


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """A model to load, and the words that it is asked with."""

    model: ModelSettings
    template: str
    language: str
    cache: Path
    max_tokens: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """What a loaded model holds in memory."""

    parameters: int
    megabytes: float
    """10^6 bytes, in the number format that it computes in."""


class Ranker(Protocol):
    """A loaded model."""

    def weights(self) -> Weights:
        """Of the model as it ranks, its adapter merged."""

    def seconds(self, context: PromptContext) -> float:
        """Wall time of one list, from words to scores."""


Open: TypeAlias = Callable[[Loaded], AbstractContextManager[Ranker]]


class LoadedRanker:
    """Implements Ranker with the embedded engine, which keeps nothing of a prompt for the next one."""

    def __init__(self, loaded: Loaded) -> None:
        from ranking.engine_settings import TransformersSettings
        from ranking.engines.packed_model import load_model
        from ranking.engines.transformers import TransformersEngine
        from ranking.strategies.yes_no import YesNo

        self._core = load_model(loaded.model, loaded.cache)
        batching = TransformersSettings(batch_wait_ms=0, prefix_tokens=0)
        self._engine = TransformersEngine(loaded.model, loaded.cache, batching=batching, core=self._core)
        self._strategy = YesNo(self._engine, load_template(loaded.template, loaded.language), loaded.max_tokens)

    def weights(self) -> Weights:
        """See Ranker. Matrices that are shared count once."""
        found = list(self._core.model.parameters())
        return Weights(
            parameters=sum(one.numel() for one in found),
            megabytes=sum(one.numel() * one.element_size() for one in found) / 1e6,
        )

    def seconds(self, context: PromptContext) -> float:
        """See Ranker."""
        start = time.perf_counter()
        asyncio.run(self._strategy.score([context]))
        return time.perf_counter() - start

    def close(self) -> None:
        """Ends the engine."""
        self._engine.close()


@contextmanager
def in_own_process(loaded: Loaded) -> Iterator[Ranker]:
    """The model in a process of its own, which ends with the block.

    What loading and ranking raise comes as multiprocessing's RemoteError, with the other process's traceback in it.
    """
    with _Rankers(ctx=get_context("spawn")) as manager, closing(cast("Any", manager).LoadedRanker(loaded)) as ranker:
        yield ranker


class _Rankers(BaseManager):
    pass


_Rankers.register("LoadedRanker", LoadedRanker)


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """Lists that one of the models ranks."""

    loaded: str
    contexts: Sequence[PromptContext]


def in_turns(
    models: Mapping[str, Loaded], parts: Mapping[str, Part], open_ranker: Open, progress: Progress
) -> tuple[dict[str, Weights], dict[str, list[float]]]:
    """Weights of each model, and seconds of each list of each part, all parts' first list before any second one.

    Each model is asked for its first list once more before, to warm up. All parts have as many lists.
    """
    with ExitStack() as stack:
        rankers = {name: stack.enter_context(open_ranker(loaded)) for name, loaded in models.items()}
        lists = list(zip(*(part.contexts for part in parts.values()), strict=True))
        for part in parts.values():
            rankers[part.loaded].seconds(part.contexts[0])
        found: dict[str, list[float]] = {name: [] for name in parts}
        for done, contexts in enumerate(lists, start=1):
            for (name, part), context in zip(parts.items(), contexts, strict=True):
                found[name].append(rankers[part.loaded].seconds(context))
            progress("lists timed", done, len(lists))
        return {name: ranker.weights() for name, ranker in rankers.items()}, found
