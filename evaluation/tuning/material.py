"""All that tuning needs of the data: examples, validation lists, and retrieval's signals of these."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from evaluation.baselines.config import PopularityConfig
from evaluation.baselines.types import MIN_FITTING_CASES
from evaluation.config import ConfigFile, EvaluationConfig
from evaluation.errors import RunConfigError
from evaluation.protocols.config import Labelled
from evaluation.run.questions import Asking, Questions, open_questions
from evaluation.tuning.config import ExampleConfig, Lesson, TuneConfig, TuneFile
from evaluation.tuning.examples import (
    Examples,
    as_examples,
    asked_only_in_test,
    nothing_known,
    training_examples,
    validation_cases,
)
from evaluation.tuning.fusion import FusionCase, fit_fusion
from evaluation.tuning.labelled import drawn, labelled_examples
from evaluation.tuning.negatives import NegativeSource, RandomNegatives, ServedNegatives
from evaluation.tuning.selection import LOOKED_AT, least_sure
from evaluation.tuning.signals import SignalsThen, alone, without_latent
from prompts.types import PromptContext
from ranking.settings import FusionWeights, Settings
from ranking.tuning.types import TuningExample
from retrieval.config import ExampleSettings
from retrieval.protocol import Embedder, Progress

AskModel: TypeAlias = Callable[[Sequence[PromptContext]], Sequence[Sequence[float]]]
"""One score per candidate of each context."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Material:
    """What there is to tune on, and to judge by."""

    examples: Sequence[TuningExample]
    validation: Sequence[TuningExample]
    asked: Sequence[FusionCase]
    """The validation lists as fusion sees them; empty if no weights are fitted, or some of the lists are labelled."""
    further: Sequence[FusionCase]
    """More validation cases, which cost no LLM: on all of them the signals' own weights are fitted."""
    notes: Sequence[str]
    data: Mapping[str, str]
    """Digest of each data set by its name."""


def gather(
    file: TuneFile,
    settings: Settings,
    data_dir: Path | None,
    progress: Progress,
    embedder: Embedder | None = None,
    *,
    ask: AskModel,
) -> Material:
    """Reads the data and makes the examples. `embedder` replaces the one that the settings name.

    `ask` is the model before tuning: it is asked only where examples are selected by its uncertainty.
    Raises RunConfigError and InputError for data that cannot be tuned on.
    """
    asking = Asking(data_dir=data_dir)
    settings = settings.model_copy(update={"examples": file.config.shown(settings.examples)})
    parts = []
    for lesson in file.config.lessons:
        evaluation = as_evaluation(file, lesson)
        with open_questions(evaluation, settings, asking, progress=progress, embedder=embedder) as questions:
            if isinstance(lesson.protocol, Labelled):
                parts.append(_read_labelled(questions, lesson, file.config, settings.examples))
            else:
                parts.append(_read(questions, lesson, file.config, settings, progress, ask))
    return parts[0] if len(parts) == 1 else _joined(parts)


def _joined(parts: Sequence[Material]) -> Material:
    """One after the other: tuning shuffles by the examples' ids, which are told apart by their place here."""
    whole = all(len(part.asked) == len(part.validation) for part in parts)
    asked = [case for part in parts for case in part.asked] if whole else []
    return Material(
        examples=_told_apart([part.examples for part in parts]),
        validation=_told_apart([part.validation for part in parts]),
        asked=asked,
        further=[case for part in parts for case in part.further],
        notes=list(dict.fromkeys(f"{', '.join(part.data)}: {text}" for part in parts for text in part.notes)),
        data={name: digest for part in parts for name, digest in part.data.items()},
    )


def _told_apart(parts: Sequence[Sequence[TuningExample]]) -> list[TuningExample]:
    return [
        replace(example, example_id=f"{place}:{example.example_id}")
        for place, part in enumerate(parts, start=1)
        for example in part
    ]


def _read(
    questions: Questions, lesson: Lesson, config: TuneConfig, settings: Settings, progress: Progress, ask: AskModel
) -> Material:
    corpus = questions.loaded.corpus
    if not questions.split.fitting_known.any():
        raise nothing_known(corpus)
    n, fusion = lesson.validation, config.fusion
    asked = questions.fitting().cases
    cases = validation_cases(asked, max(n, fusion.cases), config.seed)
    then = SignalsThen(questions) if lesson.examples.residual or fusion.fit else None
    measured = [] if then is None else then.of_cases(cases, progress)
    known = measured if corpus.dated else [replace(case, signals=without_latent(case.signals)) for case in measured]
    frozen = _frozen(known, fusion.l2) if lesson.examples.residual else None
    made = training_examples(
        corpus,
        questions.fitting().training,
        _looked_at(lesson.examples),
        _sources(questions, lesson, config.seed),
        shown=settings.examples,
        barred=asked_only_in_test(questions.split),
        seed=config.seed,
        liked_only=lesson.protocol.target == "liked",
        offsets=None if then is None or frozen is None else then.offsets(frozen),
        progress=progress,
    )
    made = _chosen(made, lesson.examples, ask)
    return Material(
        examples=made.examples,
        validation=as_examples(
            cases[:n],
            corpus.users,
            settings.examples,
            None if frozen is None else [alone(case.signals, frozen) for case in known[:n]],
        ),
        asked=measured[:n],
        further=measured[n:],
        notes=[*questions.loaded.notes, *made.notes, *_missing(n, len(cases), len(asked), settings.examples)],
        data={corpus.name: corpus.digest},
    )


def _missing(wanted: int, n_cases: int, n_asked: int, shown: ExampleSettings) -> Iterator[str]:
    if n_cases < wanted:
        why = f": of {n_asked} lists no more hold what was taken" if n_cases < n_asked else ""
        yield f"{wanted} validation cases were asked for and there are {n_cases}{why}." + (
            "" if n_cases else " The adapter is kept as it is after the last step."
        )
    if shown.shots:
        yield f"examples.shots is {shown.shots}, but what is tuned on shows no demonstrations: serve it with 0."


def _looked_at(config: ExampleConfig) -> ExampleConfig:
    """With as many examples as have to be made for the wanted ones to be chosen from."""
    return config.model_copy(update={"n": LOOKED_AT * config.n}) if config.selection == "uncertainty" else config


def _chosen(made: Examples, config: ExampleConfig, ask: AskModel) -> Examples:
    if config.selection != "uncertainty":
        return made
    scores = ask([example.context for example in made.examples])
    chosen = least_sure(made.examples, scores, config.n)
    told = f"{len(chosen)} examples chosen of {len(made.examples)}: those that the model is least sure of."
    return Examples(examples=chosen, notes=(told, *(f"Of those looked at: {text}" for text in made.notes)))


def _read_labelled(questions: Questions, lesson: Lesson, config: TuneConfig, shown: ExampleSettings) -> Material:
    """The first cases of a seeded order are tuned on, the next ones judge; retrieval has no signals of them."""
    corpus, n, seed = questions.loaded.corpus, lesson.examples.n, config.seed
    cases = drawn(questions.fitting().cases, seed)
    by_order, views = config.tuning.loss != "pointwise", lesson.examples.views
    made = labelled_examples(cases[:n], views=views, shown=shown, seed=seed, by_order=by_order)
    judged = cases[n : n + lesson.validation]
    notes = [*questions.loaded.notes, *made.notes]
    if len(cases) < n + lesson.validation:
        notes.append(
            f"{n} labelled cases to tune on and {lesson.validation} to judge by were asked for; there are {len(cases)}."
        )
    return Material(
        examples=made.examples,
        validation=labelled_examples(judged, views=1, shown=shown, seed=seed, by_order=True).examples if judged else (),
        asked=(),
        further=(),
        notes=notes,
        data={corpus.name: corpus.digest},
    )


def _frozen(measured: Sequence[FusionCase], l2: float) -> FusionWeights:
    """The weights of the signals alone that a residual is learnt on top of."""
    if len(measured) < MIN_FITTING_CASES:
        raise RunConfigError(
            f"examples.residual: true needs {MIN_FITTING_CASES} validation cases to fit the signals' weights on, and "
            f"there are {len(measured)}; set residual: false, or ask for more validation"
        )
    return fit_fusion(measured, None, towards=FusionWeights(), l2=l2).weights


def _sources(questions: Questions, lesson: Lesson, seed: int) -> list[NegativeSource]:
    corpus, wanted = questions.loaded.corpus, lesson.examples.negatives
    sources: list[NegativeSource] = []
    if wanted.served:
        retrieve = questions.retrieve(questions.fitting().training, questions.fitting_store())
        sources.append(ServedNegatives(corpus, retrieve, wanted.served, wanted.depth, seed))
    if wanted.random:
        sources.append(RandomNegatives(corpus, wanted.random, seed))
    return sources


def as_evaluation(file: TuneFile, lesson: Lesson) -> ConfigFile:
    """The evaluation whose questions tuning keeps away from; its one arm only stands there."""
    config, protocol, wanted = file.config, lesson.protocol, lesson.validation
    if isinstance(protocol, Labelled):
        wanted += lesson.examples.n
    elif "validation_users" not in protocol.model_fields_set and (config.fusion.fit or lesson.examples.residual):
        wanted = max(wanted, config.fusion.cases)
    if protocol.validation_users is not None and protocol.validation_users < wanted:
        protocol = protocol.model_copy(update={"validation_users": wanted})
    evaluation = EvaluationConfig(
        name=config.name,
        data=lesson.data,
        protocol=protocol,
        seed=config.seed,
        known_interactions=config.known_interactions,
        arms={"popularity": PopularityConfig()},
    )
    return ConfigFile(config=evaluation, base=file.base)
