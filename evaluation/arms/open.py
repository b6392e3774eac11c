"""Puts an LLM arm together over a training store, as the factory of ranking does for serving."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from evaluation.arms.digest import engine_identity
from evaluation.arms.llm import LlmRanker
from evaluation.arms.remembered import ByteStore, Remembered
from ranking.arrangement.config import ArrangementSettings
from ranking.engine_settings import EngineSettings, TransformersSettings
from ranking.factory import choose_template, compose, open_engine
from ranking.protocol import Engine
from ranking.settings import ModelSettings, Settings
from ranking.strategies.registry import build_strategy
from retrieval.closing import Closing
from retrieval.store import Store


class Engines(Closing):
    """Holds the engine that was asked for last, so that arms of one model in a row load it once. A context manager."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._held: Engine | None = None
        self._settings: tuple[ModelSettings, EngineSettings] | None = None

    def get(self, settings: Settings) -> Engine:
        """The engine of these settings; another one that was held is closed first.

        Raises ModelError, and the ServerErrors of ranking.errors for an engine that is a server.
        """
        asked = (settings.model, settings.engine)
        if self._held is None or self._settings != asked:
            self.close()
            self._held, self._settings = self._open.enter_context(open_engine(_by_torch(settings))), asked
        return self._held

    def close(self) -> None:
        """Lets the engine go."""
        self._held = self._settings = None
        self._open.close()


@contextmanager
def open_llm(
    name: str,
    settings: Settings,
    *,
    store: Store,
    engines: Engines,
    scores: ByteStore,
    as_of: float | None = None,
    skip_missed: bool = False,
) -> Iterator[LlmRanker]:
    """The arm of these settings (those of the process with the arm's own on top) over a training store.

    It is the ranking that is measured: what the shop makes of the order afterwards, its rules for one, is left out.
    as_of is the moment of every request; None is now. For skip_missed see LlmRanker.
    """
    template = choose_template(settings)
    engine = engines.get(settings)
    info = engine.info
    identity = {
        "model": info.model,
        "revision": info.revision,
        "adapter": info.adapter,
        "device": info.device.partition(":")[0],
        "dtype": info.dtype,
        **engine_identity(settings.engine, info.route),
        "template": template.ref.digest,
        "likelihood": settings.likelihood.model_dump(),
        **settings.model_dump(include={"yes_no", "setwise", "listwise", "windows", "consistency"}),
        "max_tokens": settings.prompt.max_tokens,
    }
    strategy = Remembered(build_strategy(settings, engine, template), scores, identity)
    settings = settings.model_copy(update={"arrangement": ArrangementSettings(unseen=settings.arrangement.unseen)})
    recommender = compose(settings, store, engine, template, strategy)
    yield LlmRanker(name, recommender, template, settings, as_of, skip_missed=skip_missed)


def _by_torch(settings: Settings) -> Settings:
    """Engine transformers by torch only: a run's numbers must not depend on what was measured on its machine."""
    if not isinstance(settings.engine, TransformersSettings):
        return settings
    return settings.model_copy(update={"engine": settings.engine.model_copy(update={"fast_lane": "off"})})
