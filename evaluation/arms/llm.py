"""The served Recommender as an arm: the case's candidates in, its order and everything behind it out."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from evaluation.types import Case, Contract, LlmTrace, Ranked
from prompts.template import Template
from ranking.engine_settings import ServerSettings
from ranking.errors import EngineError
from ranking.parsing.written import parse_totals
from ranking.protocol import Engine
from ranking.recommender import Recommender
from ranking.settings import Settings
from ranking.strategies.cost import Cost, cost_of
from ranking.strategies.question import first_question, question_text
from ranking.strategies.registry import build_strategy
from ranking.types import BranchScore, RankedItem, Recommendation
from retrieval.types import Query, Retrieved


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """What one case costs."""

    cost: Cost
    seconds: float | None
    """None for a server, which is asked nothing for a preview."""


@runtime_checkable
class Previews(Protocol):
    """An arm whose cost is worth knowing first."""

    async def preview(self, case: Case) -> Preview:
        """What answering one case will cost."""


class LlmRanker:
    """Implements evaluation.protocol.Ranker over a Recommender.

    Cases go through the model one after the other: in a shared batch, rounding would depend on the neighbours. The
    score is the fused one; for a labelled case, where one candidate cannot be standardised, it is the LLM's own, as a
    probability where the strategy asks for yes or no.
    """

    def __init__(
        self,
        name: str,
        recommender: Recommender,
        template: Template,
        settings: Settings,
        as_of: float | None = None,
        *,
        skip_missed: bool = False,
    ) -> None:
        """as_of is the moment of every request (Unix seconds), so that nothing depends on the day of the run.

        With skip_missed the given order stands, and no model runs, where no order can find the target.
        """
        self.name = name
        self._as_of = as_of
        self._recommender = recommender
        self._template = template
        self._settings = settings
        self._skip_missed = skip_missed

    async def rank(self, cases: Sequence[Case]) -> list[Ranked]:
        """One answer per case, in order."""
        return [_as_given(case) if self._skip_missed and _missed(case) else await self._rank(case) for case in cases]

    async def preview(self, case: Case) -> Preview:
        """What answering one case will cost, counted without asking. A model in this process answers it to be timed."""
        cost = await cost_of(
            lambda counting: build_strategy(self._settings, counting, self._template),
            self._recommender.engine,
            self._recommender.context_of(self._described(case)),
        )
        if isinstance(self._settings.engine, ServerSettings):
            return Preview(cost=cost, seconds=None)
        await self._rank(case)  # the first call warms the model up
        return Preview(cost=cost, seconds=(await self._rank(case)).seconds)

    def prompt(self, case: Case, item_id: str) -> str:
        """The whole conversation as the model sees it for one candidate, for people to read.

        The first one, where the strategy shows several candidates at once. Raises ValueError for an item that is not
        a candidate.
        """
        ids = [candidate.item_id for candidate in case.candidates]
        engine: Engine = self._recommender.engine
        context = self._recommender.context_of(self._described(case))
        question = first_question(self._settings, engine, self._template, context)
        return question_text(question, context, ids.index(item_id))

    async def _rank(self, case: Case) -> Ranked:
        started = time.perf_counter()
        answer = await self._recommender.rank(self._described(case))
        if answer.degraded:
            raise EngineError(f"an answer on a lower rung ({answer.reason}) cannot be measured; leave the ladder out")
        by_id = {entry.item.item_id: entry for entry in answer.items}
        entries = [by_id[candidate.item_id] for candidate in case.candidates]
        seconds = time.perf_counter() - started
        return Ranked(
            scores=tuple(_score(case, entry) for entry in entries),
            contract=_contract(answer),
            llm=None if answer.prompt_digest is None else _trace(answer, entries, answer.prompt_digest),
            seconds=seconds,
        )

    def _described(self, case: Case) -> Retrieved:
        query = Query(user_id=case.user_id, history=case.history, as_of=self._as_of)
        return self._recommender.retriever.describe(query, [candidate.item_id for candidate in case.candidates])


def _missed(case: Case) -> bool:
    return case.target is not None and all(item.item_id != case.target for item in case.candidates)


def _as_given(case: Case) -> Ranked:
    return Ranked(scores=tuple(-float(place) for place in range(len(case.candidates))))


def _score(case: Case, entry: RankedItem) -> float:
    if case.label is None or entry.llm_score is None:
        return entry.score
    branch = entry.llm_branch
    if branch is not None and branch.label_logits is not None and len(branch.label_logits) == 2:
        return 1.0 / (1.0 + math.exp(-entry.llm_score)) if entry.llm_score > -700.0 else 0.0
    return entry.llm_score


def _contract(answer: Recommendation) -> Contract:
    totals = parse_totals(answer.outputs)
    return Contract(
        missing=totals.missing,
        duplicate=totals.duplicate,
        invented=totals.invented,
        repaired=totals.repaired,
        fell_back=answer.ranked_by != "llm",
    )


def _trace(answer: Recommendation, entries: Sequence[RankedItem], prompt_digest: str) -> LlmTrace:
    return LlmTrace(
        prompt_digest=prompt_digest,
        raw=tuple(_raw(entry.llm_branch) for entry in entries),
        llm_scores=tuple(entry.llm_score for entry in entries if entry.llm_score is not None),
        prompt_tokens=answer.prompt_tokens,
        parameters=None if answer.engine is None else answer.engine.parameters,
        history_shown=answer.n_history_shown,
        demonstrations_shown=answer.n_demonstrations,
        dropped_history=answer.dropped.history,
        dropped_demonstrations=answer.dropped.demonstrations,
        written=tuple(output.completion.text for output in answer.outputs),
        agreement=answer.agreement,
        model_calls=answer.model_calls,
        completion_tokens=answer.completion_tokens,
    )


def _raw(branch: BranchScore | None) -> tuple[float, ...]:
    if branch is None:
        return ()
    if branch.label_logits is not None:
        return branch.label_logits
    return () if branch.text_logprob is None else (branch.text_logprob,)
