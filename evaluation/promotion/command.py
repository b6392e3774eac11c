"""What `fewrec models promote` does, apart from reading its options."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from evaluation.data.corpus import corpus_of_record
from evaluation.metrics.columns import Keys
from evaluation.promotion.decision import METRIC, Decision, decide_promotion
from evaluation.promotion.measured import MeasuredRun, arm_of, check_as_served, read_run, signals_arm
from evaluation.run.aggregates import read_columns
from evaluation.run.command import Given, note
from ranking.errors import ModelError, PromotionError
from ranking.factory import as_promoted
from ranking.models.manifest import weights_digest
from ranking.models.prepare import locate
from ranking.registry import AdapterRegistry, Difference, Evidence, Promotion
from ranking.settings import Settings
from ranking.tuning.adapter import Adapter, read_adapter
from retrieval.record import Record


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """The options of `fewrec models promote`."""

    folder: Path
    run: Path


def promote(given: Given, order: Order) -> bool:
    """Lets an adapter serve if the run shows that it should, and says why or why not; whether it serves now.

    Raises ModelError for a damaged adapter or one of another model, RunMismatchError for a run of something else,
    PromotionError if it serves already or another one came first. What served then goes on serving.
    """
    settings = given.settings()
    adapter = read_adapter(order.folder)
    adapter.check_base(settings.model.name, weights_digest(locate(settings.model.name, settings.cache)))
    run = read_run(order.run)
    check_as_served(run, _own_data(settings))
    if (depth := run.protocol["depth"]) != (served := settings.retrieval.n_candidates):
        note(given, f"the run ranked {depth} candidates, you serve {served} (setting retrieval.n_candidates)")
    registry = AdapterRegistry(settings.home)
    now = registry.current()
    arm, signals = arm_of(run, adapter, settings), signals_arm(run)
    serving = _serving(given, now, settings)
    rival = None if serving is None else arm_of(run, serving, settings)
    if rival == arm:
        raise PromotionError(f"{adapter.manifest.label} serves already")
    columns = read_columns(run.folder, [arm, signals, *([] if rival is None else [rival])], Keys())
    decision = decide_promotion(columns, arm, signals=signals, serving=rival, seed=run.seed)
    _tell(given, decision)
    if not decision.promote:
        kept = now.label if now is not None else "the model as it is" if serving is None else serving.manifest.label
        _refuse(given, adapter, kept, decision)
        return False
    labels = {} if rival is None or serving is None else {rival: serving.manifest.label}
    evidence = _evidence(run, decision, labels)
    promoted = registry.promote(adapter, model=settings.model.name, evidence=evidence, over=now)
    _say(given, f"{promoted.label} serves from now on; running services take it up by themselves.")
    _say(given, "Look at it: fewrec models list. Go back: fewrec models rollback")
    if settings.model.adapter is not None or not settings.tuned:
        note(given, "your settings name an adapter, or say tuned: false: with them it does not serve")
    return True


def _own_data(settings: Settings) -> str:
    with closing(Record.open(settings.record_url or str(settings.home / "record.db"))) as record:
        return corpus_of_record(record, "store").digest


def _serving(given: Given, now: Promotion | None, settings: Settings) -> Adapter | None:
    """The adapter that serves, promoted or shipped; None where none does, or none that can be loaded, which is told."""
    if now is not None and now.model != settings.model.name:
        note(given, f"{now.label} was promoted for {now.model} and does not serve {settings.model.name}")
        now = None
    folder = as_promoted(settings, now).model.adapter
    try:
        return None if folder is None else read_adapter(folder)
    except ModelError as error:
        note(given, f"what serves is not compared with, for it can no longer be loaded: {error}")
        return None


def _evidence(run: MeasuredRun, decision: Decision, labels: dict[str, str]) -> Evidence:
    differences = []
    for one in decision.against:
        found = one.comparison
        if found.difference is not None and one.p is not None:
            differences.append(
                Difference(
                    against=one.rival,
                    label=labels.get(one.rival),
                    value=found.difference,
                    low=found.low,
                    high=found.high,
                    p=one.p,
                )
            )
    return Evidence(
        run=run.folder.absolute().name,
        data=run.data,
        metric=METRIC,
        n=decision.against[0].comparison.n,
        differences=tuple(differences),
    )


def _refuse(given: Given, adapter: Adapter, kept: str, decision: Decision) -> None:
    given.err.print(
        f"{adapter.manifest.label} is not promoted; {kept} goes on serving.",
        style="bold red", markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip
    if not decision.llm_shown_worth_it:
        whose = "this adapter is not" if decision.serving is None else "neither this adapter nor what serves now is"
        note(
            given,
            f"{whose} shown to be better here than the signals alone: serve these without the LLM, by "
            "`fusion: {llm: 0}` in the settings file or FEWREC_FUSION__LLM=0",
        )


def _tell(given: Given, decision: Decision) -> None:
    style = "green" if decision.promote else "bold red"
    for sentence in decision.sentences:
        given.err.print(sentence, style=style, markup=False, highlight=False, soft_wrap=True)


def _say(given: Given, line: str) -> None:
    given.out.print(line, markup=False, highlight=False, soft_wrap=True)
