"""The experiment that is under way: its arms recommend to the users."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any, TypeVar, get_args

from prompts.types import Dialogue, Dropped, Prompt
from ranking.draws import Draw
from ranking.experiments.assignment import arm_of
from ranking.experiments.config import ExperimentSettings
from ranking.experiments.interleaving import team_draft
from ranking.recommender import Recommender
from ranking.types import RankedItem, Recommendation, Rung, Stage
from retrieval.types import Query

T = TypeVar("T")


class Trial:
    """Hands every user to an arm, or lets two arms make a list together. Holds nothing of a request or a user."""

    def __init__(
        self,
        experiment: ExperimentSettings,
        arms: Mapping[str, Recommender],
        watch: Callable[[Recommendation], None] | None = None,
    ) -> None:
        """A Recommender for each arm by name, in the settings' order. `watch` is shown every answer, the arms' not."""
        self._experiment = experiment
        self._arms = arms
        self._watch = watch

    def recommender_for(self, user_id: str) -> Recommender:
        """The one of the user's arm; the first one where the arms are interleaved."""
        if self._experiment.mode == "interleave":
            return next(iter(self._arms.values()))
        return self._arms[arm_of(self._experiment, user_id)]

    async def warm(self) -> None:
        """Lets every arm ask its model once."""
        for recommender in self._arms.values():
            await recommender.warm()

    async def recommend(self, query: Query, user_id: str, n: int, *, explain: bool) -> Recommendation:
        """As Recommender.recommend, for the user that the query names."""
        if self._experiment.mode == "interleave":
            answer = await self._interleaved(query, n, explain)
        else:
            answer = await self.recommender_for(user_id).recommend(query, n, explain=explain)
            answer = replace(answer, arm=arm_of(self._experiment, user_id))
        answer = replace(answer, experiment=self._experiment.name)
        if self._watch is not None:
            self._watch(answer)
        return answer

    async def _interleaved(self, query: Query, n: int, explain: bool) -> Recommendation:
        first, second = self._arms.values()
        begun = await first.begin(query, n)
        one, other = await asyncio.gather(
            first.finish(begun, n, explain=explain), second.finish(second.beside(begun), n, explain=explain)
        )
        names = tuple(self._arms)
        purpose = f"experiment {self._experiment.name}|teams"
        rankings = (_ids(one.items), _ids(other.items))
        draw = Draw(seed=self._experiment.seed, purpose=purpose, key=one.request_id)
        items = [
            replace((one, other)[pick.team].items[pick.place], rank=rank, team=names[pick.team])
            for rank, pick in enumerate(team_draft(rankings, n, draw), start=1)
        ]
        notes = (f"Items of the arms {names[0]} and {names[1]} in turn; scores are comparable within one arm only.",)
        return replace(_together(one, other), items=tuple(items), notes=(*notes, *_of_both(names, one, other)))


class InTrial(Recommender):
    """A Recommender whose known users are served by the arms; strangers and candidates from outside are no part."""

    def __init__(self, trial: Trial, **parts: Any) -> None:
        """`parts` are Recommender's."""
        super().__init__(**parts)
        self._trial = trial

    async def recommend(self, query: Query, n: int = 10, *, explain: bool = False) -> Recommendation:
        """See Recommender."""
        if query.user_id is None or n < 1:
            return await super().recommend(query, n, explain=explain)
        return await self._trial.recommend(query, query.user_id, n, explain=explain)

    async def warm(self) -> None:
        """Every model, that of the strangers first."""
        await super().warm()
        await self._trial.warm()

    async def question(self, query: Query, n: int | None = None) -> Prompt | Dialogue | None:
        """What the user's own arm would ask."""
        if query.user_id is None:
            return await super().question(query, n)
        return await self._trial.recommender_for(query.user_id).question(query, n)


def _ids(items: Iterable[RankedItem]) -> list[str]:
    return [ranked.item.item_id for ranked in items]


def _together(one: Recommendation, other: Recommendation) -> Recommendation:
    """One answer for two to the same request: what differs is None, what was spent is summed."""
    lower = max(one, other, key=lambda answer: get_args(Rung).index(answer.rung))
    return replace(
        one,
        ranked_by=_same(one.ranked_by, other.ranked_by) or "interleaving",
        n_history_shown=max(one.n_history_shown, other.n_history_shown),
        n_demonstrations=max(one.n_demonstrations, other.n_demonstrations),
        engine=_same(one.engine, other.engine),
        strategy=_same(one.strategy, other.strategy),
        template=_same(one.template, other.template),
        prompt_digest=_same(one.prompt_digest, other.prompt_digest),
        dropped=Dropped(**{name: max(n, asdict(other.dropped)[name]) for name, n in asdict(one.dropped).items()}),
        prompt_tokens=one.prompt_tokens + other.prompt_tokens,
        model_calls=one.model_calls + other.model_calls,
        completion_tokens=one.completion_tokens + other.completion_tokens,
        outputs=(*one.outputs, *other.outputs),
        agreement=_same(one.agreement, other.agreement),
        stages=_slower(one.stages, other.stages),
        rung=lower.rung,
        reason=lower.reason or one.reason or other.reason,
    )


def _same(one: T, other: T) -> T | None:
    return one if one == other else None


def _slower(one: Iterable[Stage], other: Iterable[Stage]) -> tuple[Stage, ...]:
    """The arms work beside each other, so a stage took as long as the slower one."""
    seconds: dict[str, float] = {}
    for stage in (*one, *other):
        seconds[stage.name] = max(stage.seconds, seconds.get(stage.name, 0.0))
    return tuple(Stage(name=name, seconds=took) for name, took in seconds.items())


def _of_both(names: tuple[str, ...], one: Recommendation, other: Recommendation) -> list[str]:
    shared = [note for note in one.notes if note in other.notes]
    own = [
        f"{name}: {note}"
        for name, answer in zip(names, (one, other), strict=True)
        for note in answer.notes
        if note not in shared
    ]
    return [*shared, *own]
