"""Retrieval's signals of given candidates, as they were when the validation or a past moment was asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from evaluation.run.questions import Questions
from evaluation.tuning.examples import Offsets
from evaluation.tuning.fusion import FusionCase
from evaluation.tuning.negatives import Moment
from evaluation.types import Case
from ranking.fusion import fuse
from ranking.settings import FusionWeights
from retrieval.protocol import Progress
from retrieval.types import PastItem, Query, Signals


class SignalsThen:
    """Measures with the retriever that serves, over what was known when the validation cases were asked."""

    def __init__(self, questions: Questions) -> None:
        self._retriever = questions.retriever(questions.fitting_store())
        self._users = frozenset(questions.fitting().training.user_ids)
        self._end = questions.as_of

    def of_cases(self, cases: Sequence[Case], progress: Progress | None = None) -> list[FusionCase]:
        """The cases, each of which holds its target, as fusion sees them."""
        found = []
        for done, case in enumerate(cases, start=1):
            ids = [item.item_id for item in case.candidates]
            signals = self._measure(case.user_id, case.history, self._end, ids)
            found.append(FusionCase(signals=tuple(signals), target=ids.index(case.target or "")))
            if progress is not None:
                progress("signals of validation cases", done, len(cases))
        return found

    def offsets(self, weights: FusionWeights) -> Offsets:
        """Scores of the signals alone at past moments; without dates, without latent factors: see without_latent."""

        def at_moment(moment: Moment, item_ids: Sequence[str]) -> tuple[float, ...]:
            as_of = self._end if moment.as_of is None else moment.as_of
            found = self._measure(moment.held.user_id, moment.held.history, as_of, item_ids)
            return alone(without_latent(found) if moment.as_of is None else found, weights)

        return at_moment

    def _measure(
        self, user_id: str | None, history: tuple[PastItem, ...], as_of: float, item_ids: Sequence[str]
    ) -> list[Signals]:
        known = user_id if user_id in self._users else None
        described = self._retriever.describe(Query(user_id=known, history=history, as_of=as_of), item_ids)
        return [candidate.signals for candidate in described.candidates]


def without_latent(signals: Sequence[Signals]) -> tuple[Signals, ...]:
    """Where data have no dates, a user's whole past is in the factors at every moment, the item taken then with it.

    Of the other signals the user's own interactions are no part.
    """
    return tuple(replace(one, latent=None) for one in signals)


def alone(signals: Sequence[Signals], weights: FusionWeights) -> tuple[float, ...]:
    """The fused score without an LLM, one number per candidate."""
    return tuple(one.score for one in fuse(None, signals, weights))
