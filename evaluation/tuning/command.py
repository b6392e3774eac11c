"""What `fewrec tune` does, apart from reading its options."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from evaluation.baselines.types import MIN_FITTING_CASES
from evaluation.data.config import StoreSet
from evaluation.run.command import Given, bars, note
from evaluation.tuning.config import STORE, TuneConfig, TuneFile, load_tune_config
from evaluation.tuning.follow_up import run_name, write_evaluation
from evaluation.tuning.fusion import FittedFusion, fit_in_two
from evaluation.tuning.material import Material, gather
from evaluation.tuning.parts import Parts, real_parts
from evaluation.tuning.progress import shown_progress
from prompts.template import Template, load_template
from prompts.types import PromptContext
from ranking.settings import ModelSettings, Settings
from ranking.shipped import SHIPPED_FOLDER
from ranking.tuning.adapter import revise_adapter
from ranking.tuning.files import check_folder
from ranking.tuning.types import Provenance, Tuned
from retrieval.protocol import Embedder, Progress

ADAPTERS = Path("adapters")


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """The options of `fewrec tune`."""

    config: str | None = None
    """None is the user's own store."""
    output: Path | None = None
    limit: int | None = None
    """Number of examples, over the configuration's own."""
    known_interactions: int | None = None
    """Over the configuration's own."""
    data_dir: Path | None = None


def tune(given: Given, order: Order, parts: Parts | None = None, embedder: Embedder | None = None) -> Tuned:
    """Makes examples, tunes, fits the fusion, and tells what came of it.

    `parts` and `embedder` replace the real ones. On Ctrl-C the best adapter so far is kept, and the interrupt is passed
    on. Raises RunConfigError and InputError for a configuration or data that cannot be tuned on.
    """
    file = _with_options(load_tune_config(order.config or STORE), order)
    config, settings = file.config, given.settings()
    template = load_template(config.template, config.language)
    parts = parts or real_parts()
    output = order.output or ADAPTERS / config.name
    check_folder(output)
    model = _model(given, config, settings)
    with bars(given.err) as progress:
        ask = partial(_scores, parts, model, settings, template, progress)
        material = gather(file, settings, order.data_dir, progress, embedder, ask=ask)
    for text in material.notes:
        note(given, text)
    with shown_progress(given.err) as told:
        tuned = parts.tune(
            config.tuning,
            model,
            settings.cache,
            template,
            settings.prompt.max_tokens,
            material.examples,
            material.validation,
            output,
            told,
            provenance=_provenance(config, order, material),
        )
    for text in tuned.notes:
        note(given, text)
    evaluation = write_evaluation(output, file, order.data_dir, settings)
    if tuned.ended == "interrupted":
        note(given, f"Interrupted after step {tuned.steps}; {output} holds the best so far, the same command goes on.")
        raise KeyboardInterrupt
    with bars(given.err) as progress:
        fused = _fuse(given, config, settings, model, template, output, material, parts, progress)
    _tell(given, config, order, tuned, fused, output, evaluation)
    return tuned


def _with_options(file: TuneFile, order: Order) -> TuneFile:
    update: dict[str, object] = {}
    if order.limit is not None:
        update |= _limited(file.config, order.limit)
    if order.known_interactions is not None:
        update["known_interactions"] = order.known_interactions
    return TuneFile(config=file.config.model_copy(update=update), base=file.base)


def _model(given: Given, config: TuneConfig, settings: Settings) -> ModelSettings:
    """What is tuned, and from where; the shipped adapter is a start for its own model only."""
    name, start = config.model or settings.model.name, config.adapter
    if start == SHIPPED_FOLDER and name != ModelSettings().name:
        note(given, f"The shipped adapter is made for {ModelSettings().name}: {name} is tuned from the model as it is.")
        start = None
    return settings.model.model_copy(update={"name": name, "adapter": start})


def _limited(config: TuneConfig, n: int) -> dict[str, object]:
    """So many examples in all, shared out as the configuration shares them."""
    total = sum(lesson.examples.n for lesson in config.lessons)
    lead, *more = (
        lesson.model_copy(
            update={"examples": lesson.examples.model_copy(update={"n": max(1, round(n * lesson.examples.n / total))})}
        )
        for lesson in config.lessons
    )
    return {"examples": lead.examples, "more": tuple(more)}


def _provenance(config: TuneConfig, order: Order, material: Material) -> Provenance:
    words = ["fewrec", "tune", *([order.config] if order.config else [])]
    if order.limit is not None:
        words += ["--limit", str(order.limit)]
    if order.known_interactions is not None:
        words += ["--known-interactions", str(order.known_interactions)]
    if order.data_dir is not None:
        words += ["--data-dir", "FOLDER"]
    return Provenance(
        name=config.name,
        data=material.data,
        data_terms=config.data_terms,
        command=shlex.join(words),
        seeds={"examples": config.seed},
    )


def _fuse(
    given: Given,
    config: TuneConfig,
    settings: Settings,
    model: ModelSettings,
    template: Template,
    output: Path,
    material: Material,
    parts: Parts,
    progress: Progress,
) -> FittedFusion | None:
    if not config.fusion.fit:
        return None
    if len(material.asked) < MIN_FITTING_CASES:
        n = len(material.validation)
        why = f"it takes {MIN_FITTING_CASES} validation cases to fit others, and there are {n}."
        if len(material.asked) < n:
            why = "labelled cases, which are among those that validate, have no signals to weigh."
        note(given, f"Fusion keeps the shipped weights: {why}")
        return None
    tuned = model.model_copy(update={"adapter": output})
    contexts = [example.context for example in material.validation]
    scores = _scores(parts, tuned, settings, template, progress, contexts)
    fitted = fit_in_two(material.asked, scores, material.further, l2=config.fusion.l2)
    revise_adapter(output, fusion=fitted.weights.model_dump())
    return fitted


def _scores(
    parts: Parts,
    model: ModelSettings,
    settings: Settings,
    template: Template,
    progress: Progress,
    contexts: Sequence[PromptContext],
) -> list[tuple[float, ...]]:
    return parts.score(model, settings.cache, template, settings.prompt.max_tokens, contexts, progress)


def _tell(
    given: Given,
    config: TuneConfig,
    order: Order,
    tuned: Tuned,
    fused: FittedFusion | None,
    output: Path,
    evaluation: Path,
) -> None:
    training = tuned.manifest.training
    what = "on top of the signals" if config.examples.residual else "alone"
    before, best = training.ndcg_before, training.ndcg_best
    lines = [f"Adapter: {output} ({training.examples} examples, {tuned.steps} steps, {tuned.seconds:.0f} s)"]
    if before is not None and best is not None:
        lines.append(
            f"Validation NDCG@10 of the LLM {what}, {training.validation} cases: {100 * before:.1f} before, "
            f"{100 * best:.1f} after step {training.best_step}"
        )
        if best <= before:
            note(given, "No step of the tuning ranks these validation cases better than what it started from.")
    if fused is not None:
        shown = ", ".join(f"{name} {weight:.2f}" for name, weight in fused.weights.model_dump().items())
        lines.append(f"Fusion weights fitted on {fused.n_cases} validation cases: {shown}")
    again = "" if order.data_dir is None else f" --data-dir {shlex.quote(str(order.data_dir))}"
    lines.append(f"Evaluate: fewrec evaluate {shlex.quote(str(evaluation))}{again}")
    if isinstance(config.data, StoreSet):
        run = given.settings().runs / run_name(config.name)
        lines.append(f"Serve it, if that shows a gain: fewrec models promote {shlex.quote(str(output))} --run {run}")
    for line in lines:
        given.out.print(line, markup=False, highlight=False, soft_wrap=True)
