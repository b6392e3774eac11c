"""The one composition: retrieval, examples, prompt, LLM, fusion, reasons. Every door and measurement drives this."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal

from prompts.types import Dialogue, Dropped, Prompt, PromptContext
from ranking.ads.auctioneer import Auctioneer
from ranking.arrangement.arranger import Arranger
from ranking.arrangement.types import Arranged, Evidence
from ranking.audience import AudienceRanker, AudienceWording
from ranking.begun import Begun, Prepared, tells_taste, without_examples
from ranking.calibration.apply import calibrated
from ranking.calibration.file import Calibration
from ranking.clock import Clock
from ranking.ladder import Course, KnownCourse, Ladder
from ranking.notes import adapter_notes, no_verdict, no_weight, notes_of
from ranking.order import fuse_verdict, ordered
from ranking.parsing.written import parse_totals, written_notes
from ranking.protocol import Engine, Strategy
from ranking.reasons import explain as explain_items
from ranking.scenarios.serving import Scenarios
from ranking.settings import FusionWeights
from ranking.types import RankedItem, Recommendation, StrategyScores
from retrieval.errors import InputError
from retrieval.examples import ExampleSelector
from retrieval.retriever import Retriever
from retrieval.types import Item, PastItem, Query, Retrieved


class Recommender:
    """Answers queries. Built by ranking.factory from one Settings object; holds no state of a request."""

    def __init__(
        self,
        *,
        retriever: Retriever,
        examples: ExampleSelector,
        engine: Engine,
        strategy: Strategy,
        fusion: FusionWeights,
        n_candidates: int,
        profile_names: frozenset[str] = frozenset(),
        question: Callable[[PromptContext], Prompt | Dialogue] | None = None,
        ladder: Ladder | None = None,
        watch: Callable[[Recommendation], None] | None = None,
        wording: AudienceWording | None = None,
        calibration: Calibration | None = None,
        arranger: Arranger | None = None,
        unseen: Literal["least", "neutral"] = "least",
        scenario: str | None = None,
        scenarios: Scenarios[Recommender] | None = None,
        auctioneer: Auctioneer | None = None,
    ) -> None:
        """Without a ladder every answer is whole or an error. `watch` is shown every answer.

        Without an arranger the list is what ranking says. `scenarios` gives those that clients may name.
        """
        self.retriever = retriever
        self.engine = engine
        self._examples = examples
        self._strategy = strategy
        self._fusion = fusion
        self._asks_llm = fusion.llm != 0
        self._n_candidates = n_candidates
        self._profile_names = profile_names
        self._question = question
        self.ladder = ladder
        self._watch = watch
        self._arranger = arranger
        self._unseen = unseen
        self._scenario = scenario
        self.scenarios = scenarios
        self.auctioneer = auctioneer
        """See ranking.ads.auctioneer.with_ads; None where nothing is sold."""
        self.audience = AudienceRanker(
            audience=retriever.audience, engine=engine, fusion=fusion, wording=wording, ladder=ladder
        )
        """The other way round: users for an item."""
        self._calibration = calibration

    def of(self, scenario: str | None) -> Recommender:
        """The one for a scenario, over the same store and model; this one for None.

        Raises InputError where there is no scenario of that name.
        """
        if scenario is None:
            return self
        if self.scenarios is None:
            raise InputError(f"no scenario named {scenario!r}: there are none here")
        return self.scenarios.recommender(scenario)

    async def recommend(self, query: Query, n: int = 10, *, explain: bool = False) -> Recommendation:
        """The n best unseen items for a query, best first; fewer only where the notes say why.

        Raises InputError for n < 1, NotFoundError for an unknown user, EmptyStoreError for an empty store.
        """
        if n < 1:
            raise InputError(f"n must be at least 1, not {n}")
        return await self.finish(await self.begin(query, n), n, explain=explain)

    async def begin(self, query: Query, n: int) -> Begun:
        """The first half of `recommend`: the candidates, for any Recommender over the same store to rank."""
        clock, course, wanted = Clock(), self._course(), max(n, self._n_candidates)
        retrieved = await course.step(
            lambda: self._retrieve(query, wanted), lambda: self.retriever.popular(query, wanted), "popular"
        )
        clock.lap("retrieval")
        return Begun(retrieved=retrieved, clock=clock, course=course)

    def beside(self, begun: Begun) -> Begun:
        """The same request for this Recommender to finish, while the one that began it does so too."""
        clock = replace(begun.clock, stages=dict(begun.clock.stages))
        return replace(begun, clock=clock, course=self._course().after(begun.course))

    async def finish(self, begun: Begun, n: int, *, explain: bool = False) -> Recommendation:
        """The second half of `recommend`."""
        retrieved = begun.retrieved
        context = begun.context
        if context is None:
            context = await begun.course.step(
                lambda: self.context_of(retrieved), lambda: without_examples(retrieved), "retrieval"
            )
        begun.clock.lap("examples")
        evidence = await self._evidence(begun)
        answer = calibrated(await self._answer(begun, n, explain, context, evidence), self._calibration)
        if self._watch is not None:
            self._watch(answer)
        return answer

    async def warm(self) -> None:
        """Asks the model once, so that no user waits for what it does at first. Raises what ranking raises."""
        one, other = (Item(item_id=title, title=title) for title in ("One", "Another"))
        past = PastItem(item=other, timestamp=0.0)
        if self._asks_llm:
            await self._strategy.score([PromptContext(history=(past,), candidates=(one, other))])

    async def rank(self, retrieved: Retrieved, n: int | None = None, *, explain: bool = False) -> Recommendation:
        """Ranks candidates that are already there (all of them if n is None), as evaluation does."""
        wanted = len(retrieved.candidates) if n is None else n
        begun = Begun(retrieved=retrieved, clock=Clock(), course=self._course())
        return await self.finish(begun, wanted, explain=explain)

    def prepare(self, query: Query, n: int) -> Prepared:
        """All of `recommend` that comes before the model; blocks. Raises what `recommend` raises."""
        retrieved = self._retrieve(query, max(n, self._n_candidates))
        return Prepared(retrieved=retrieved, context=self.context_of(retrieved))

    async def rank_prepared(self, prepared: Sequence[Prepared], n: int) -> list[Recommendation]:
        """What `recommend` answers to each query, in order; the model is asked for all of them in one call."""
        asked = [one.context for one in prepared if self._has_something_to_ask(one.context)]
        verdicts = iter(await self._strategy.score(asked) if asked else ())
        answers = []
        for one in prepared:
            course = KnownCourse(next(verdicts)) if self._has_something_to_ask(one.context) else Course()
            begun = Begun(retrieved=one.retrieved, clock=Clock(), course=course, context=one.context)
            answers.append(await self.finish(begun, n))
        return answers

    async def context(self, query: Query, n: int | None = None) -> PromptContext:
        """What `recommend` would put into words for this query: the same candidates and examples."""
        wanted = max(n or 0, self._n_candidates)
        return self.context_of(await asyncio.to_thread(self._retrieve, query, wanted))

    async def question(self, query: Query, n: int | None = None) -> Prompt | Dialogue | None:
        """What `recommend` would ask the model first for this query; None where it would not ask it, or cannot say."""
        context = await self.context(query, n)
        if self._question is None or not self._has_something_to_ask(context):
            return None
        return await asyncio.to_thread(self._question, context)

    def context_of(self, retrieved: Retrieved) -> PromptContext:
        """What ranking these candidates would put into words."""
        examples = self._examples.select(retrieved)
        return PromptContext(
            history=examples.history,
            candidates=tuple(candidate.item for candidate in retrieved.candidates),
            demonstrations=examples.demonstrations,
            user=retrieved.user,
            query=retrieved.query.words,
            lead_words=examples.lead_words,
        )

    def _course(self) -> Course:
        return Course() if self.ladder is None else self.ladder.begin()

    def _retrieve(self, query: Query, n: int) -> Retrieved:
        reserved = () if self._arranger is None else self._arranger.reserved(query)
        return self.retriever.retrieve(query, n, reserved)

    async def _evidence(self, begun: Begun) -> Evidence | None:
        """What arranging the list will go by; None where the list is what ranking says."""
        arranger = self._arranger
        if arranger is None:
            return None
        found = await begun.course.step(
            lambda: arranger.evidence(begun.retrieved), arranger.without_evidence, "retrieval"
        )
        begun.clock.lap("evidence")
        return found

    async def _answer(
        self, begun: Begun, n: int, explain: bool, context: PromptContext, evidence: Evidence | None
    ) -> Recommendation:
        retrieved, clock, course = begun.retrieved, begun.clock, begun.course
        asked = self._has_something_to_ask(context)
        verdict = await course.verdict(self._strategy, context) if asked else None
        clock.lap("llm")
        spoke = verdict is not None and not parse_totals(verdict.outputs).said_nothing
        by_signals = not self._asks_llm or (not asked and tells_taste(retrieved))
        arranged = self._arranged(retrieved, verdict, n, evidence, by_fusion=spoke or by_signals)
        items = list(arranged.items)
        clock.lap("fusion")
        if explain and self._asks_llm:
            items = await self._explained(items, context, course)
            clock.lap("reasons")
        return Recommendation(
            request_id=str(uuid.uuid4()),
            user=retrieved.user,
            items=tuple(items),
            requested=n,
            ranked_by="llm" if spoke else _ranked_without_llm(course, by_signals),
            n_candidates=len(retrieved.candidates),
            n_history=len(retrieved.history),
            n_history_shown=len(context.history) - verdict.dropped.history if verdict else 0,
            n_demonstrations=len(context.demonstrations) - verdict.dropped.demonstrations if verdict else 0,
            engine=self.engine.info if verdict else None,
            strategy=self._strategy.name if verdict else None,
            template=verdict.template if verdict else None,
            prompt_digest=verdict.prompt_digest if verdict else None,
            dropped=verdict.dropped if verdict else Dropped(),
            prompt_tokens=verdict.prompt_tokens if verdict else 0,
            model_calls=verdict.model_calls if verdict else 0,
            completion_tokens=verdict.completion_tokens if verdict else 0,
            outputs=verdict.outputs if verdict else (),
            agreement=verdict.agreement if verdict else None,
            notes=(*course.notes, *self._told(verdict, n, retrieved, explain, course), *arranged.notes),
            stages=clock.told(),
            rung=course.rung,
            reason=course.reason,
            retrieved=retrieved,
            scenario=self._scenario,
            changes=arranged.changes,
        )

    def _arranged(
        self,
        retrieved: Retrieved,
        verdict: StrategyScores | None,
        n: int,
        evidence: Evidence | None,
        *,
        by_fusion: bool,
    ) -> Arranged:
        fused = fuse_verdict(retrieved, verdict, self._fusion, unseen=self._unseen)
        ranked = ordered(retrieved, fused, by_fusion=by_fusion, verdict=verdict)
        if self._arranger is None or evidence is None:
            return Arranged(items=tuple(ranked[:n]))
        return self._arranger.arrange(ranked, n, retrieved, evidence, by_fusion=by_fusion)

    async def _explained(self, items: list[RankedItem], context: PromptContext, course: Course) -> list[RankedItem]:
        reasons = await course.reasons(partial(explain_items, self._strategy, context, items))
        if reasons is None:
            return items
        return [replace(item, reason=reason) for item, reason in zip(items, reasons, strict=True)]

    def _has_something_to_ask(self, context: PromptContext) -> bool:
        """False where the model would have nothing personal to go by, only its own taste, or where it has no weight."""
        profile = context.user is not None and not self._profile_names.isdisjoint(context.user.attributes)
        return self._asks_llm and bool(context.candidates and (context.history or context.query or profile))

    def _told(
        self, verdict: StrategyScores | None, n: int, retrieved: Retrieved, explain: bool, course: Course
    ) -> tuple[str, ...]:
        available = len(retrieved.candidates)
        unasked = (
            no_verdict(verdict, available, by_profile=tells_taste(retrieved)) if self._asks_llm else no_weight(explain)
        )
        return (
            *(unasked if course.reason is None else ()),
            *notes_of(verdict, n, available),
            *(written_notes(verdict.outputs) if verdict else ()),
            *adapter_notes(verdict, self.engine.info, self._strategy.name),
        )


def _ranked_without_llm(course: Course, by_signals: bool) -> str:
    if course.rung == "popular":
        return "popularity"
    return "signals" if by_signals else "retrieval"
