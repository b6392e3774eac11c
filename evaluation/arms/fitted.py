"""An LLM arm whose fusion weights are fitted on the run's own validation cases, as those of the signals are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

from evaluation.arms.llm import LlmRanker, Preview
from evaluation.run.questions import Questions
from evaluation.tuning.config import FusionConfig
from evaluation.tuning.examples import validation_cases
from evaluation.tuning.fusion import FittedFusion, fit_in_two
from evaluation.tuning.signals import SignalsThen
from evaluation.types import Case, Ranked
from ranking.settings import FusionWeights
from retrieval.protocol import Progress

LLM_CASES = 100
"""Validation cases that the LLM reads to be weighed."""


class FittedRanker:
    """Implements evaluation.protocol.Ranker: fits at the first question, and ranks with what was found."""

    def __init__(
        self, then: LlmRanker, fit: Callable[[], Awaitable[FusionWeights]], now: Callable[[FusionWeights], LlmRanker]
    ) -> None:
        """`then` ranks over what was known when the validation cases were asked, `now` gives one for the test."""
        self.name = then.name
        self._then, self._fit, self._open = then, fit, now
        self._now: LlmRanker | None = None

    async def rank(self, cases: Sequence[Case]) -> list[Ranked]:
        """One answer per case, in order."""
        if self._now is None:
            self._now = self._open(await self._fit())
        return await self._now.rank(cases)

    async def preview(self, case: Case) -> Preview:
        """See LlmRanker; the weights are not yet fitted."""
        return await self._then.preview(case)

    def prompt(self, case: Case, item_id: str) -> str:
        """See LlmRanker."""
        return (self._now or self._then).prompt(case, item_id)


@contextmanager
def open_fitted(
    questions: Questions,
    then: AbstractContextManager[LlmRanker],
    now: Callable[[FusionWeights], AbstractContextManager[LlmRanker]],
    progress: Progress | None = None,
) -> Iterator[FittedRanker]:
    """The arm of these questions; see FittedRanker."""
    with ExitStack() as stack:
        ranker = stack.enter_context(then)

        async def fit() -> FusionWeights:
            return (await fitted_fusion(questions, ranker, progress)).weights

        yield FittedRanker(ranker, fit, lambda weights: stack.enter_context(now(weights)))


async def fitted_fusion(questions: Questions, ranker: LlmRanker, progress: Progress | None = None) -> FittedFusion:
    """The weights that `fewrec tune` would fit for this model on these validation cases.

    Cases that the LLM does not rank, as those of people of whom nothing is known, tell of the signals only. Raises
    RunConfigError for fewer than 16 cases that it does.
    """
    config = FusionConfig()
    cases = validation_cases(questions.fitting().cases, max(LLM_CASES, config.cases), questions.config.seed)
    scored = await _scores(ranker, cases[:LLM_CASES], progress)
    read = {one.case.case_id for one in scored}
    then = SignalsThen(questions)
    asked = then.of_cases([one.case for one in scored], progress)
    further = then.of_cases([case for case in cases if case.case_id not in read], progress)
    return fit_in_two(asked, [one.scores for one in scored], further, l2=config.l2)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Scored:
    case: Case
    scores: tuple[float, ...]


async def _scores(ranker: LlmRanker, cases: Sequence[Case], progress: Progress | None) -> list[_Scored]:
    found = []
    for done, case in enumerate(cases, start=1):
        [ranked] = await ranker.rank([case])
        if ranked.llm is not None and len(ranked.llm.llm_scores) == len(case.candidates):
            found.append(_Scored(case=case, scores=ranked.llm.llm_scores))
        if progress is not None:
            progress("scores for fusion", done, len(cases))
    return found
