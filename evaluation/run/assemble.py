"""Puts an evaluation together: questions, arms, and what the run folder says of them, from one configuration."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from evaluation.arms.baseline import BaselineRanker
from evaluation.arms.config import LlmArm
from evaluation.arms.llm import LlmRanker
from evaluation.arms.remembered import ByteStore
from evaluation.baselines.config import BaselineConfig, SignalsConfig
from evaluation.baselines.factory import build_baseline, needs_fitting
from evaluation.config import ConfigFile, EvaluationConfig
from evaluation.errors import RunConfigError
from evaluation.grid import select
from evaluation.metrics.facts import Facts, facts_of
from evaluation.protocol import Ranker
from evaluation.protocols.config import EndToEnd
from evaluation.run.folder import Digests, Spec, digest_of
from evaluation.run.machine import hardware, source, versions
from evaluation.run.questions import Asking, Questions, open_questions
from evaluation.run.runner import Arm, Cases
from evaluation.run.scores import ScoreCache
from ranking.settings import Settings
from retrieval.protocol import Embedder, Progress

if TYPE_CHECKING:
    from evaluation.arms.open import Engines


_SKIPS = (
    "LLM arms are asked only the cases whose target is among the candidates (missed: skip). Elsewhere their order is "
    "retrieval's own: accuracy is 0 there in any order and compares, what describes whole lists does not."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Assembled:
    """A run, ready to start."""

    config: EvaluationConfig
    arms: tuple[Arm, ...]
    """Those that are asked for, in the configuration's order."""
    llm_arms: frozenset[str]
    """All of the configuration, asked for or not."""
    cases: Cases
    facts: Facts
    spec: Spec
    notes: tuple[str, ...]
    """What a reader must know of the data and the cases."""


@contextmanager
def open_run(
    file: ConfigFile,
    settings: Settings,
    asking: Asking,
    *,
    scores: ByteStore | None = None,
    progress: Progress | None = None,
    embedder: Embedder | None = None,
) -> Iterator[Assembled]:
    """Loads what all arms share; each arm loads its own when it is opened. Everything is closed afterwards.

    `scores` replaces the score cache in the settings' cache folder, `embedder` the one that the settings name.
    """
    config = file.config
    names = select(asking.arms, list(config.arms)) if asking.arms else list(config.arms)
    limit = config.limit if asking.limit is None else asking.limit
    with ExitStack() as stack:
        questions = stack.enter_context(open_questions(file, settings, asking, progress=progress, embedder=embedder))
        config = questions.config
        if scores is None:
            scores = stack.enter_context(ScoreCache(settings.cache / "evaluation"))
        builder = _Builder(questions, stack, scores, progress)
        arms = tuple(builder.arm(name) for name in names)
        cases = questions.case_set if limit is None else questions.case_set.first(limit)
        if len(cases) == 0:
            raise RunConfigError(f"data set {questions.loaded.corpus.name} gives no case under this protocol")
        yield Assembled(
            config=config,
            arms=arms,
            llm_arms=frozenset(name for name, arm in config.arms.items() if isinstance(arm, LlmArm)),
            cases=cases,
            facts=facts_of(questions.training),
            spec=_spec(questions, arms),
            notes=(*questions.loaded.notes, *questions.case_set.notes, *([_SKIPS] if _skips(config) else [])),
        )


class _Builder:
    """Makes arms that load themselves when they are opened. What loads a model is imported for LLM arms only."""

    def __init__(self, questions: Questions, stack: ExitStack, scores: ByteStore, progress: Progress | None) -> None:
        self._questions = questions
        self._stack = stack
        self._scores = scores
        self._progress = progress
        self._engines: Engines | None = None

    def arm(self, name: str) -> Arm:
        config = self._questions.config
        arm = config.arms[name]
        if isinstance(arm, LlmArm):
            return self._llm_arm(name, arm)
        served = self._questions.settings.model_dump(mode="json", include={"embedder", "retrieval"})
        return Arm(
            name=name,
            digest=digest_of({"arm": arm.model_dump(mode="json"), "served": served}),
            open=lambda: self._baseline(name, arm),
            batch=config.batch.baseline,
        )

    def _llm_arm(self, name: str, arm: LlmArm) -> Arm:
        from evaluation.arms.digest import arm_digest
        from ranking.tuning.adapter import read_adapter

        settings = arm.over(self._questions.settings)
        folder = settings.model.adapter
        digest = arm_digest(settings, None if folder is None else read_adapter(folder).manifest.label)
        fitted = arm.fusion == "fitted"
        return Arm(
            name=name,
            digest=digest_of({"arm": digest, "fusion": "fitted"}) if fitted else digest,
            open=(lambda: self._fitted(name, settings)) if fitted else (lambda: self._llm(name, settings, "now")),
            batch=self._questions.config.batch.llm,
        )

    def _fitted(self, name: str, settings: Settings) -> AbstractContextManager[Ranker]:
        from evaluation.arms.fitted import open_fitted

        return open_fitted(
            self._questions,
            self._llm(name, settings, "then"),
            lambda weights: self._llm(name, settings.model_copy(update={"fusion": weights}), "now"),
            self._progress,
        )

    def _llm(self, name: str, settings: Settings, moment: Literal["now", "then"]) -> AbstractContextManager[LlmRanker]:
        """Over what is known in the test, or over what was known when the validation cases were asked."""
        from evaluation.arms.open import Engines, open_llm

        if self._engines is None:
            self._engines = self._stack.enter_context(Engines())
        questions = self._questions
        return open_llm(
            name,
            settings,
            store=questions.store if moment == "now" else questions.fitting_store(),
            engines=self._engines,
            scores=self._scores,
            as_of=questions.as_of,
            skip_missed=_skips(questions.config),
        )

    def _baseline(self, name: str, config: BaselineConfig) -> AbstractContextManager[Ranker]:
        questions = self._questions
        fitting = questions.fitting() if needs_fitting(config) else None
        if isinstance(config, SignalsConfig) and config.shrinkage is None:
            served = questions.settings.retrieval.cooccurrence_shrinkage
            config = config.model_copy(update={"shrinkage": served})
        baseline = build_baseline(config, questions.training, fitting, questions.config.seed, self._progress)
        return nullcontext(BaselineRanker(name, baseline))


def _skips(config: EvaluationConfig) -> bool:
    return isinstance(config.protocol, EndToEnd) and config.protocol.missed == "skip"


def _spec(questions: Questions, arms: tuple[Arm, ...]) -> Spec:
    corpus, config, cases = questions.loaded.corpus, questions.config, questions.case_set
    return Spec(
        name=config.name,
        config=config.model_dump(mode="json"),
        digests=Digests(data=corpus.digest, cases=questions.digest(), arms={arm.name: arm.digest for arm in arms}),
        seeds={"run": config.seed},
        data={
            "name": corpus.name,
            "items": len(corpus.item_ids),
            "users": len(corpus.user_ids),
            "interactions": len(corpus.user_index),
            "known_interactions": len(questions.training.user_index),
            "cases": dict(cases.counts),
            "left_out": dict(cases.left_out),
        },
        versions=versions(),
        source=source(),
        hardware=hardware(),
    )
