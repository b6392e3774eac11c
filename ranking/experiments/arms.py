"""The arms of an experiment as settings and as Recommenders, checked before anything takes time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import TypeAlias

from pydantic import ValidationError

from prompts.errors import PromptError
from ranking.errors import ConfigError, RankingError
from ranking.experiments.config import ArmSettings, ExperimentSettings
from ranking.experiments.trial import InTrial, Trial
from ranking.factory import as_promoted, choose_fusion, choose_template, compose, open_engine
from ranking.ladder import Ladder
from ranking.protocol import Engine
from ranking.recommender import Recommender
from ranking.registry import Promotion
from ranking.scenarios.serving import Scenarios
from ranking.settings import Settings, first_slip, merged
from ranking.types import Recommendation
from retrieval.retriever import Retriever
from retrieval.snapshots import Snapshots
from retrieval.store import Store

OpenModel: TypeAlias = Callable[[Settings], AbstractContextManager[Engine]]

_CHANGEABLE = frozenset({
    "arrangement", "consistency", "examples", "fusion", "likelihood", "listwise", "model", "prompt", "setwise",
    "strategy", "tuned", "windows", "yes_no",
})  # fmt: skip
"""Sections that an arm may change; of `model` the adapter only. Arms share the store, the retriever and the engine, so
that they rank the same candidates and the model is in memory once."""


def check_experiments(settings: Settings) -> None:
    """Raises ConfigError naming experiment, arm and setting, where an arm cannot be served as it stands.

    Of experiments that are not enabled only the names of the settings are looked at: what they ran with may be gone.
    """
    for experiment in settings.experiments:
        for arm in experiment.arms:
            changed = arm_settings(settings, experiment, arm)
            if experiment.enabled:
                with _named(experiment, arm):
                    choose_template(changed)
                    choose_fusion(changed)


def arm_settings(settings: Settings, experiment: ExperimentSettings, arm: ArmSettings) -> Settings:
    """The settings with what the arm changes. Raises ConfigError naming experiment, arm and setting."""
    with _named(experiment, arm):
        model = arm.settings.get("model", {})
        barred = sorted(set(arm.settings) - _CHANGEABLE)
        barred += sorted(f"model.{name}" for name in model if name != "adapter") if isinstance(model, dict) else []
        if barred:
            raise ConfigError(
                f"an arm cannot change {barred[0]}, only model.adapter and {', '.join(sorted(_CHANGEABLE - {'model'}))}"
            )
        values = merged(settings.model_dump(exclude={"experiments"}), arm.settings)
        try:
            return Settings(**values, experiments=())
        except ValidationError as error:
            raise ConfigError(first_slip(error)) from error


@contextmanager
def open_arms(
    store: Store,
    settings: Settings,
    promotion: Promotion | None,
    watch: Callable[[Recommendation], None] | None = None,
    open_model: OpenModel = open_engine,
) -> Iterator[Recommender]:
    """A Recommender with a ladder, whose users are part of the experiment that is enabled, if there is one.

    Arms whose model and adapter are the same have one engine. An arm that names no adapter has the promoted one.
    """
    experiment = next((one for one in settings.experiments if one.enabled), None)
    with ExitStack() as opened:
        parts = _Parts(store, as_promoted(settings, promotion), opened, open_model)
        trial = None
        if experiment is not None:
            arms = {}
            for arm in experiment.arms:
                with _named(experiment, arm):
                    arms[arm.name] = parts.beside(_promoted_too(arm_settings(settings, experiment, arm), promotion))
            trial = Trial(experiment, arms, watch)
        yield parts.own(trial, watch, Scenarios(parts.served, lambda changed: parts.beside(changed, watch)))


class _Parts:
    """What the Recommenders of one store have in common; closed with `opened`."""

    def __init__(self, store: Store, served: Settings, opened: ExitStack, open_model: OpenModel) -> None:
        self._store, self.served, self._opened, self._open_model = store, served, opened, open_model
        self._ladder = opened.enter_context(Ladder(served.ladder))
        # Latent factors are left unmade until somebody who is composed here weighs them.
        snapshots = Snapshots.of(store.record, latent=False)
        self._retriever = Retriever(store.record, store.index, store.embedder, served.retrieval, snapshots)
        self._engines: list[tuple[Settings, Engine]] = []
        self._engine(served)

    def own(
        self, trial: Trial | None, watch: Callable[[Recommendation], None] | None, scenarios: Scenarios[Recommender]
    ) -> Recommender:
        return compose(
            self.served,
            self._store,
            self._engine(self.served),
            choose_template(self.served),
            ladder=self._ladder,
            watch=watch,
            retriever=self._retriever,
            make=partial(Recommender if trial is None else partial(InTrial, trial), scenarios=scenarios),
        )

    def beside(self, settings: Settings, watch: Callable[[Recommendation], None] | None = None) -> Recommender:
        engine = self._engine(settings)
        ladder = self._ladder.beside(same_engine=engine is self._engines[0][1])
        return compose(
            settings,
            self._store,
            engine,
            choose_template(settings),
            ladder=self._opened.enter_context(ladder),
            watch=watch,
            retriever=self._retriever,
        )

    def _engine(self, settings: Settings) -> Engine:
        for other, engine in self._engines:
            if (other.model, other.engine) == (settings.model, settings.engine):
                return engine
        engine = self._opened.enter_context(self._open_model(settings))
        self._engines.append((settings, engine))
        return engine


def _promoted_too(changed: Settings, promotion: Promotion | None) -> Settings:
    takes_it = changed.model.adapter is None and changed.tuned
    return as_promoted(changed, promotion if takes_it else None)


@contextmanager
def _named(experiment: ExperimentSettings, arm: ArmSettings) -> Iterator[None]:
    try:
        yield
    except (RankingError, PromptError) as error:
        raise ConfigError(f"experiment {experiment.name!r}, arm {arm.name!r}: {error}") from error
