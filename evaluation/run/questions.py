"""The questions of a run and what every arm may know: data, split, training store and cases of one configuration."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import retrieval
from evaluation.arms.config import LlmArm
from evaluation.baselines.types import Fitting
from evaluation.config import ConfigFile, EvaluationConfig
from evaluation.data.config import StoreSet
from evaluation.data.held_out import HeldOutRows
from evaluation.data.loading import Loaded, load
from evaluation.data.training import item_vectors, open_training_store, training_of
from evaluation.data.types import Mask, Split
from evaluation.protocols.cases import CaseSet, make_cases
from evaluation.protocols.config import EndToEnd, ScenarioConfig
from evaluation.protocols.protocol import Retrieve
from evaluation.protocols.retrieving import CachedRetrieve, RetrieverCandidates
from evaluation.protocols.scarcity import know_less
from evaluation.protocols.split import split_corpus
from evaluation.run.folder import digest_of
from evaluation.types import Training
from ranking.settings import Settings
from retrieval.protocol import Embedder, Progress
from retrieval.record import Record
from retrieval.retriever import Retriever
from retrieval.snapshots import Snapshots
from retrieval.store import Store

_RETRIEVED = "retrieved.sqlite"


def code_digest(folder: Path) -> str:
    """Of every module under the folder: what other code retrieved is not what this code would."""
    modules = sorted(folder.rglob("*.py"))
    return digest_of([[module.relative_to(folder).as_posix(), module.read_text("utf-8")] for module in modules])


class Questions:
    """What one configuration asks, over an open training store."""

    def __init__(
        self,
        config: EvaluationConfig,
        settings: Settings,
        loaded: Loaded,
        split: Split,
        stack: ExitStack,
        progress: Progress | None,
        embedder: Embedder | None,
    ) -> None:
        self.config = config
        self.settings = settings
        self.loaded = loaded
        self.split = split
        """Who may know what, of all that could be asked."""
        self._stack = stack
        self._progress = progress
        self._embedder = embedder
        self._fitting: Fitting | None = None
        self._fitting_store: Store | None = None
        self.as_of = _after(loaded)
        """The moment of every request, after all that is known, so that nothing depends on the day of the run."""
        self.store = self._store(split.known)
        """The catalogue and the known interactions, nothing else."""
        self.vectors = item_vectors(self.store, loaded.corpus.item_ids)
        self.training: Training = training_of(loaded.corpus, split.known, self.vectors)
        self.case_set = self._cases("test", config.scenarios, self.training, self.store)

    def fitting(self) -> Fitting:
        """Validation cases with what was known when they were asked; made at the first call."""
        if self._fitting is None:
            training = training_of(self.loaded.corpus, self.split.fitting_known, self.vectors)
            store = self.fitting_store() if self._retrieves() else self.store
            cases = self._cases("validation", ScenarioConfig(), training, store)
            self._fitting = Fitting(training=training, cases=list(cases))
        return self._fitting

    def fitting_store(self) -> Store:
        """The catalogue and what was known when the validation cases were asked; made at the first call."""
        if self._fitting_store is None:
            same = np.array_equal(self.split.known, self.split.fitting_known)
            self._fitting_store = self.store if same else self._store(self.split.fitting_known)
        return self._fitting_store

    def retriever(self, store: Store, *, latent: bool = True) -> Retriever:
        """What serves candidates and their signals from one of the stores; `latent` as in Snapshots."""
        snapshots = Snapshots.of(store.record, latent=latent)
        return Retriever(store.record, store.index, store.embedder, self.settings.retrieval, snapshots)

    def retrieve(self, training: Training, store: Store) -> Retrieve:
        """The retriever's lists from a store that holds this training data, each asked for once and remembered."""
        context = digest_of(
            {
                "data": self.loaded.corpus.digest,
                "known": len(training.user_index),
                "split": self.config.model_dump(mode="json", include={"protocol", "seed"}),
                "settings": self.settings.model_dump(mode="json", include={"retrieval", "embedder"}),
                "users": len(training.user_ids),
                "as_of": self.as_of,
                "code": code_digest(Path(retrieval.__file__).parent),
            }
        )
        # No source of candidates asks for latent factors, and every past moment would want new ones.
        candidates = RetrieverCandidates(self.retriever(store, latent=False), training.user_ids, self.as_of)
        path = self.settings.cache / "evaluation" / _RETRIEVED
        return self._stack.enter_context(CachedRetrieve(candidates, path, context))

    def digest(self) -> str:
        """Of all that makes these cases of the data set; how many of them are asked is left out."""
        config = self.config.model_dump(mode="json", include={"protocol", "scenarios", "seed"})
        if self.config.known_interactions is not None:
            config["known_interactions"] = self.config.known_interactions
        served = self.settings.model_dump(mode="json", include={"retrieval", "embedder"}) if self._retrieves() else {}
        return digest_of({**config, "data": _shape(self.config), **served})

    def _store(self, known: Mask) -> Store:
        opened = open_training_store(
            self.loaded.corpus,
            known,
            cache=self.settings.cache,
            embedder_settings=self.settings.embedder,
            progress=self._progress,
            embedder=self._embedder,
            demonstrations=self._shows_demonstrations(),
        )
        return self._stack.enter_context(opened)

    def _shows_demonstrations(self) -> bool:
        """Whether any arm does; without them a store is built in a fraction of the time."""
        arms = [arm for arm in self.config.arms.values() if isinstance(arm, LlmArm)]
        return any(arm.shots or (arm.shots is None and self.settings.examples.shots) for arm in arms)

    def _retrieves(self) -> bool:
        return isinstance(self.config.protocol, EndToEnd) and self.config.protocol.source == "retrieval"

    def _cases(self, part: str, scenarios: ScenarioConfig, training: Training, store: Store) -> CaseSet:
        return make_cases(
            self.loaded.corpus,
            self.split.test if part == "test" else self.split.validation,
            training,
            self.config.protocol,
            scenarios,
            self.config.seed,
            part="test" if part == "test" else "validation",
            retrieve=self.retrieve(training, store) if self._retrieves() else None,
            progress=self._progress,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """How a run is asked for, beside its configuration."""

    arms: tuple[str, ...] = ()
    """Names and patterns; empty for all."""
    limit: int | None = None
    """Over the configuration's own."""
    data_dir: Path | None = None
    known_interactions: int | None = None
    """Over the configuration's own."""


@contextmanager
def open_questions(
    file: ConfigFile,
    settings: Settings,
    asking: Asking,
    *,
    progress: Progress | None = None,
    embedder: Embedder | None = None,
) -> Iterator[Questions]:
    """Loads the data, splits it, and opens the training store; everything is closed afterwards.

    `embedder` replaces the one that the settings name.
    """
    config = file.config
    if asking.known_interactions is not None:
        config = config.model_copy(update={"known_interactions": asking.known_interactions})
    with ExitStack() as stack:
        record: Record | None = None
        if isinstance(config.data, StoreSet):
            record = stack.enter_context(closing(Record.open(settings.record_url or str(settings.home / "record.db"))))
        loaded = load(
            config.data,
            cache=settings.cache,
            data_dir=asking.data_dir,
            base=file.base,
            record=record,
            progress=progress,
        )
        split = split_corpus(loaded.corpus, config.protocol, config.seed, loaded.given)
        if config.known_interactions is not None:
            split = know_less(loaded.corpus, split, config.known_interactions, config.seed)
        yield Questions(config, settings, loaded, split, stack, progress, embedder)


def _after(loaded: Loaded) -> float:
    """A moment after all interactions and all histories, which a set of ready cases has of its own."""
    given = () if loaded.given is None else (loaded.given.test, loaded.given.validation)
    told = [part.latest for part in given if isinstance(part, HeldOutRows)]
    return max([float(loaded.corpus.timestamps.max(initial=0.0)), *told]) + 1.0


def _shape(config: EvaluationConfig) -> object:
    """The data's options without its paths: the same data may lie elsewhere."""
    dumped = config.data.model_dump(mode="json")
    return {name: value for name, value in dumped.items() if not isinstance(getattr(config.data, name), Path)}
