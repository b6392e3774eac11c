"""The same lists to tune on and to judge by, as each arm of benchmarks.prompt_arms.shown puts them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from benchmarks.prompt_arms.shown import ARMS, Asked
from benchmarks.tuned import Workbench, free_cases
from evaluation.arms.config import LlmArm
from evaluation.config import ConfigFile
from evaluation.data.types import Corpus
from evaluation.run.command import bars
from evaluation.run.questions import Asking, Questions, open_questions
from evaluation.tuning.config import ExampleConfig, TuneFile
from evaluation.tuning.examples import as_examples, asked_only_in_test, latest, training_examples
from evaluation.tuning.fusion import FusionCase
from evaluation.tuning.material import as_evaluation
from evaluation.tuning.negatives import Moment, RandomNegatives
from evaluation.types import Case
from ranking.tuning.types import TuningExample
from retrieval.config import ExampleSettings
from retrieval.examples.demonstrations import nearest_demonstrations
from retrieval.types import PastItem, Query


@dataclass(frozen=True, kw_only=True, slots=True)
class Lists:
    """Lists by arm, the same ones in the same order in each."""

    examples: dict[str, list[TuningExample]]
    judged: dict[str, list[TuningExample]]
    signals: tuple[FusionCase, ...]
    """The judged lists as fusion sees them."""


class Remembering:
    """A NegativeSource over another, which keeps the moments that it was asked at."""

    def __init__(self, source: RandomNegatives) -> None:
        self._source = source
        self.moments: dict[str, Moment] = {}
        """By case id, which is that of the example too."""

    def draw(self, moment: Moment) -> list[str]:
        """As the other."""
        self.moments[moment.held.case_id] = moment
        return self._source.draw(moment)


def gather_lists(file: TuneFile, bench: Workbench, names: Sequence[str], *, n: int, n_judged: int, seed: int) -> Lists:
    """Examples of this seed, n with random rivals, and the configuration's own n_judged lists of users in no test.

    Both are of the configuration's leading data set.
    """
    own = {"examples": ExampleConfig(n=n), "validation": n_judged, "more": ()}
    config = file.config.model_copy(update=own)
    asked = as_evaluation(file, config)
    # A store is made with demonstrations only where an arm shows some.
    arms = {"shown": LlmArm(shots=max(int(ARMS[name].settings.get("shots", 0)) for name in names))}
    asked = ConfigFile(config=asked.config.model_copy(update={"arms": arms}), base=asked.base)
    with (
        bars(bench.console) as progress,
        open_questions(
            asked, bench.settings, Asking(data_dir=bench.data_dir), progress=progress, embedder=bench.embedder
        ) as questions,
    ):
        shown = config.shown(bench.settings.examples)
        gathering = _Gathering(questions, {name: ARMS[name].of(shown) for name in names}, shown)
        examples = gathering.examples(config.examples, seed, liked_only=config.protocol.target == "liked")
        cases = free_cases(questions, n_judged, config.seed)
        judged, signals = gathering.judged(cases)
        return Lists(examples=examples, judged=judged, signals=signals)


class _Gathering:
    def __init__(self, questions: Questions, arms: dict[str, ExampleSettings], shown: ExampleSettings) -> None:
        self._questions, self._arms, self._shown = questions, arms, shown
        self._corpus, self._training = questions.loaded.corpus, questions.fitting().training
        self._store = questions.fitting_store()
        self._retriever = questions.retriever(self._store)
        self._users = frozenset(self._training.user_ids)

    def examples(self, config: ExampleConfig, seed: int, *, liked_only: bool) -> dict[str, list[TuningExample]]:
        source = Remembering(RandomNegatives(self._corpus, config.negatives.random, seed))

        def made(shown: ExampleSettings) -> list[TuningExample]:
            found = training_examples(
                self._corpus, self._training, config, [source], shown=shown,
                barred=asked_only_in_test(self._questions.split), seed=seed, liked_only=liked_only,
            )  # fmt: skip
            # One moment after the other: what is known at one is mostly what was known at the one before.
            return sorted(found.examples, key=lambda one: source.moments[one.example_id].as_of or 0.0)

        plain = made(self._shown)
        asked = (self._asked(source.moments[example.example_id], example) for example in plain)
        return self._put({name: made(shown) for name, shown in self._arms.items()}, asked)

    def judged(self, cases: Sequence[Case]) -> tuple[dict[str, list[TuningExample]], tuple[FusionCase, ...]]:
        signals: list[FusionCase] = []

        def asked() -> Iterator[Asked]:
            for case in cases:
                ids = [item.item_id for item in case.candidates]
                moment = _taken_at(self._corpus, case)
                one = self._described(case.user_id, case.history, self._questions.as_of, moment, ids)
                measured = tuple(candidate.signals for candidate in one.retrieved.candidates)
                signals.append(FusionCase(signals=measured, target=ids.index(case.target or "")))
                yield one

        users = self._corpus.users
        plain = {name: as_examples(cases, users, shown) for name, shown in self._arms.items()}
        return self._put(plain, asked()), tuple(signals)

    def _put(self, plain: dict[str, list[TuningExample]], asked: Iterator[Asked]) -> dict[str, list[TuningExample]]:
        """The lists as the arms show them. Evidence is large, so it is held for one list at a time."""
        put: dict[str, list[TuningExample]] = {name: [] for name in plain}
        for place, one in enumerate(asked):
            for name, lists in plain.items():
                context = ARMS[name].show(lists[place].context, one, self._arms[name])
                put[name].append(replace(lists[place], context=context))
        return put

    def _asked(self, moment: Moment, example: TuningExample) -> Asked:
        """Of a history that is cut to its latest part, retrieval knows no more than the prompt shows."""
        held, context = moment.held, example.context
        whole = latest(held.history, self._shown) == context.history
        history = held.history if whole else context.history
        as_of = self._questions.as_of if moment.as_of is None else moment.as_of
        ids = [item.item_id for item in context.candidates]
        return self._described(held.user_id, history, as_of, moment.as_of, ids)

    def _described(
        self,
        user_id: str | None,
        history: tuple[PastItem, ...],
        as_of: float,
        moment: float | None,
        item_ids: Sequence[str],
    ) -> Asked:
        known = user_id if user_id in self._users else None
        retrieved = self._retriever.describe(Query(user_id=known, history=history, as_of=as_of), item_ids)
        return Asked(
            moment=moment,
            retrieved=retrieved,
            similar=partial(nearest_demonstrations, retrieved, self._store.record, self._store.index),
            vectors=self._questions.vectors,
        )


def _taken_at(corpus: Corpus, case: Case) -> float | None:
    """When the target of a validation case was taken, which is when it is asked for; None without dates."""
    if not corpus.dated or case.user_id is None or case.target is None:
        return None
    user, item = bisect_left(corpus.user_ids, case.user_id), bisect_left(corpus.item_ids, case.target)
    [rows] = np.nonzero((corpus.user_index == user) & (corpus.item_index == item))
    return float(corpus.timestamps[rows[0]]) if len(rows) else None
