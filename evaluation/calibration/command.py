"""What `fewrec calibrate` does, apart from reading its options."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from rich.table import Table

from evaluation.baselines.config import PopularityConfig
from evaluation.calibration.measure import ScoredList, fit_lists
from evaluation.calibration.plot import reliability_plot
from evaluation.config import ConfigFile, EvaluationConfig
from evaluation.data.config import StoreSet
from evaluation.protocols.config import EndToEnd
from evaluation.run.command import Given, bars
from evaluation.run.questions import Asking, Questions, open_questions
from evaluation.types import Case
from ranking.calibration.curves import Method
from ranking.calibration.file import Calibration, Fitted, ModelKey, scores_digest, write_calibration
from ranking.draws import Draw
from ranking.factory import choose_fusion, open_on, served_settings
from ranking.fusion import fuse
from ranking.recommender import Recommender
from ranking.settings import FusionWeights, Settings
from retrieval.protocol import Embedder, Progress
from retrieval.store import Store
from retrieval.types import Query, Retrieved

OpenRecommender: TypeAlias = Callable[[Store, Settings], AbstractContextManager[Recommender]]
PLOT = "calibration.svg"


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """The options of `fewrec calibrate`."""

    cases: int = 1000
    """Validation lists for the signals; they cost no LLM."""
    llm_cases: int = 0
    """Of these, how many the LLM ranks too; 0 leaves its scores uncalibrated."""
    method: Method | None = None
    """None takes what does better on cases not fitted on."""
    seed: int = 0


def calibrate(
    given: Given, order: Order, embedder: Embedder | None = None, open_ranker: OpenRecommender = open_on
) -> Calibration:
    """Fits probabilities on the store's own validation lists, as they would have been served, and keeps them.

    `embedder` and `open_ranker` replace the real ones. Raises CalibrationError where there is too little to fit on.
    """
    settings = served_settings(given.settings())
    depth = settings.retrieval.n_candidates
    with bars(given.err) as progress, _asked(settings, order, depth, progress, embedder) as questions:
        lists = _validation(questions, order, progress)
        weights = choose_fusion(settings)
        fits = {"signals": fit_lists(_by_signals(lists, weights), order.method, None, order.seed)}
        if order.llm_cases and weights.llm != 0:
            with open_ranker(questions.fitting_store(), settings) as recommender:
                fits["llm"] = asyncio.run(_of_llm(recommender, lists[: order.llm_cases], order, progress))
    made = Calibration(
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        scores_digest=scores_digest(settings, weights),
        longest=depth,
        signals=fits["signals"],
        llm=fits.get("llm"),
    )
    path = write_calibration(settings.home, made)
    plot = path.with_name(PLOT)
    plot.write_text(reliability_plot(fits), encoding="utf-8")
    _tell(given, fits)
    given.err.print(
        f"Kept in {path}, plot in {plot}. A running service takes it up when it is started again.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    return made


def lists_by_signals(
    settings: Settings, order: Order, progress: Progress, embedder: Embedder | None = None
) -> list[ScoredList]:
    """The validation lists that `calibrate` fits on, scored without the LLM."""
    with _asked(settings, order, settings.retrieval.n_candidates, progress, embedder) as questions:
        return _by_signals(_validation(questions, order, progress), choose_fusion(settings))


def _by_signals(lists: Sequence[tuple[Case, Retrieved]], weights: FusionWeights) -> list[ScoredList]:
    return [
        _scored(case, [one.score for one in fuse(None, [c.signals for c in found.candidates], weights)])
        for case, found in lists
    ]


def _asked(
    settings: Settings, order: Order, depth: int, progress: Progress, embedder: Embedder | None
) -> AbstractContextManager[Questions]:
    config = EvaluationConfig(
        name="calibration",
        data=StoreSet(),
        protocol=EndToEnd(target="liked", depth=depth, validation_users=order.cases),
        seed=order.seed,
        arms={"popularity": PopularityConfig()},  # only stands there
    )
    return open_questions(
        ConfigFile(config=config, base=settings.home), settings, Asking(), progress=progress, embedder=embedder
    )


def _validation(questions: Questions, order: Order, progress: Progress) -> list[tuple[Case, Retrieved]]:
    """Lists as served when the validation was asked, in random order; those that missed what was taken are kept."""
    cases = [case for case in questions.fitting().cases if case.history and case.candidates]
    cases.sort(key=lambda case: Draw(seed=order.seed, purpose="calibration", key=case.case_id).words(1)[0])
    retriever, known = questions.retriever(questions.fitting_store()), frozenset(questions.fitting().training.user_ids)
    found = []
    for done, case in enumerate(cases[: order.cases], start=1):
        user_id = case.user_id if case.user_id in known else None
        query = Query(user_id=user_id, history=case.history, as_of=questions.as_of)
        found.append((case, retriever.describe(query, [item.item_id for item in case.candidates])))
        progress("signals of validation cases", done, min(len(cases), order.cases))
    return found


async def _of_llm(
    recommender: Recommender, lists: Sequence[tuple[Case, Retrieved]], order: Order, progress: Progress
) -> Fitted:
    scored: list[ScoredList] = []
    model: ModelKey | None = None
    for done, (case, retrieved) in enumerate(lists, start=1):
        answer = await recommender.rank(retrieved)
        progress("validation cases read by the LLM", done, len(lists))
        if answer.ranked_by == "llm":
            model = ModelKey.of(answer)
            by_id = {item.item.item_id: item.score for item in answer.items}
            scored.append(_scored(case, [by_id[item.item_id] for item in case.candidates]))
    return fit_lists(scored, order.method, model, order.seed)


def _scored(case: Case, scores: Sequence[float]) -> ScoredList:
    ids = [item.item_id for item in case.candidates]
    taken = ids.index(case.target) if case.target in ids else None
    return ScoredList(case_id=case.case_id, scores=tuple(scores), taken=taken)


def _tell(given: Given, fits: dict[str, Fitted]) -> None:
    table = Table(title="Probabilities, measured on cases they were not fitted on", title_justify="left")
    for name in ("score", "fitted", "lists", "taken", "log-loss", "of the base rate", "ECE", "ECE, equal bins"):
        table.add_column(name, justify="left" if name in {"score", "fitted"} else "right")
    for name, fitted in fits.items():
        kept = {fitted.curve.kind: fitted.quality, **fitted.rejected}
        for kind, quality in kept.items():
            table.add_row(
                name,
                f"{kind}{'' if kind == fitted.curve.kind else ' (not kept)'}",
                f"{fitted.n_cases:,}",
                f"{fitted.base_rate:.2%}",
                f"{quality.log_loss:.4f}",
                f"{quality.log_loss_of_base:.4f}",
                f"{quality.ece:.4f}",
                f"{quality.ece_mass:.4f}",
            )
    given.out.print(table)
