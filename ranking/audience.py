"""Whom an item is for: the LLM ranks the users that retrieval finds, joined with retrieval's own score.

Not with the signals of lists: how near one user's latest likings come to the item says less than how much of what they
like is near it, which is how retrieval finds them (docs/new-items.md has the numbers).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from prompts.audience import render_audience
from prompts.template import Template, load_template
from prompts.types import Dropped, PromptContext, TemplateRef, TokenBudget
from ranking.clock import Clock
from ranking.fusion import Column, add_up
from ranking.ladder import Course, Ladder
from ranking.protocol import Engine
from ranking.settings import FusionWeights
from ranking.strategies.verdict import pointwise
from ranking.strategies.yes_no import margins
from ranking.types import Cause, EngineInfo, FusionPart, Rung, Stage, StrategyScores
from retrieval.audience import Audience
from retrieval.errors import InputError
from retrieval.types import Item, PastItem, PossibleUser, PossibleUsers, Vote

_TEMPLATE = "audience"


@dataclass(frozen=True, kw_only=True, slots=True)
class AudienceWording:
    """How the question is put."""

    language: str = "en"
    max_tokens: int = 1024
    """Longest prompt with its longest history."""
    history_length: int = 8
    """Liked items shown of each user, the latest ones."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RankedUser:
    """One place of an audience."""

    user_id: str
    rank: int
    score: float
    """Fused score; comparable within one audience only."""
    llm_score: float | None
    """Difference of the logits of yes and no; None if the LLM did not rank this user."""
    retrieval_rank: int
    parts: tuple[FusionPart, ...]
    votes: tuple[Vote, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class AudienceAnswer:
    """The audience, and how it came about. Fields that Recommendation has too mean the same here."""

    request_id: str
    item: Item
    users: tuple[RankedUser, ...]
    requested: int
    ranked_by: str
    """"llm" or "retrieval": who decided the order."""
    engine: EngineInfo | None
    template: TemplateRef | None
    prompt_digest: str | None
    dropped: Dropped
    prompt_tokens: int
    notes: tuple[str, ...]
    stages: tuple[Stage, ...]
    rung: Rung
    reason: Cause | None

    @property
    def degraded(self) -> bool:
        """Whether this is less than the settings ask for, because something was slow, busy or down."""
        return self.reason is not None


class AudienceRanker:
    """Answers whom an item is for. Built beside a Recommender, of its parts; holds no state of a request."""

    def __init__(
        self,
        *,
        audience: Audience,
        engine: Engine,
        fusion: FusionWeights,
        wording: AudienceWording | None = None,
        ladder: Ladder | None = None,
    ) -> None:
        """Without a ladder every answer is whole or an error."""
        self._audience = audience
        self._engine = engine
        self._fusion = fusion
        self._wording = wording or AudienceWording()
        self._ladder = ladder

    async def rank(self, item_id: str, n: int = 100, *, as_of: float | None = None) -> AudienceAnswer:
        """The n best users for an item, best first; fewer only where the notes say why.

        Raises NotFoundError for an unknown item, InputError for one that is hidden or expired and for n < 1.
        """
        if n < 1:
            raise InputError(f"n must be at least 1, not {n}")
        clock, course = Clock(), Course() if self._ladder is None else self._ladder.begin()
        found = await course.step(
            lambda: self._audience.retrieve(item_id, n, as_of),
            lambda: self._audience.behavioural(item_id, n, as_of),
            "popular",
        )
        clock.lap("retrieval")
        verdict = await self._verdict(found, course)
        clock.lap("llm")
        users = _ranked(found.users, verdict, self._fusion)
        clock.lap("fusion")
        return AudienceAnswer(
            request_id=str(uuid.uuid4()),
            item=found.item,
            users=users,
            requested=n,
            ranked_by="llm" if verdict else "retrieval",
            engine=self._engine.info if verdict else None,
            template=verdict.template if verdict else None,
            prompt_digest=verdict.prompt_digest if verdict else None,
            dropped=verdict.dropped if verdict else Dropped(),
            prompt_tokens=verdict.prompt_tokens if verdict else 0,
            notes=(*course.notes, *_notes(len(users), n, verdict, self._why_unasked)),
            stages=clock.told(),
            rung=course.rung,
            reason=course.reason,
        )

    @property
    def _why_unasked(self) -> str | None:
        """Why the LLM does not rank users, a sentence; None where it does."""
        if self._fusion.llm == 0:
            return "The LLM has no weight (fusion.llm is 0): retrieval alone ranked."
        if "labels" not in self._engine.info.capabilities:
            return f"{self._engine.info.engine} cannot weigh yes against no: retrieval alone ranked."
        return None

    @property
    def _asks_llm(self) -> bool:
        return self._why_unasked is None

    async def _verdict(self, found: PossibleUsers, course: Course) -> StrategyScores | None:
        if not (self._asks_llm and found.users):
            return None
        strategy = _Invited(self._engine, self._template, self._wording, found)
        return await course.verdict(strategy, strategy.context)

    @cached_property
    def _template(self) -> Template:
        return load_template(_TEMPLATE, self._wording.language)


class _Invited:
    """The yes-or-no question about every user of one audience; the candidates stand for users, by their ids."""

    name = "yes-no"

    def __init__(self, engine: Engine, template: Template, wording: AudienceWording, found: PossibleUsers) -> None:
        self._engine, self._template, self._item = engine, template, found.item
        self._budget = TokenBudget(max_tokens=wording.max_tokens, count_tokens=engine.count_tokens)
        self._histories: Mapping[str, Sequence[PastItem]] = {
            user.user_id: [past for past in user.history if past.liked][-wording.history_length :]
            or user.history[-wording.history_length :]
            for user in found.users
        }
        self.context = PromptContext(
            history=(), candidates=tuple(Item(item_id=user.user_id, title="") for user in found.users)
        )

    async def score(self, contexts: Sequence[PromptContext]) -> list[StrategyScores]:
        """One verdict per context; scores are differences of logits."""
        prompts = [
            render_audience(
                self._template,
                self._item,
                [self._histories[user.item_id] for user in context.candidates],
                self._budget,
                self._engine.control_tokens,
            )
            for context in contexts
        ]
        results = await self._engine.score(prompts)
        return [pointwise(p, r, margins(r.branches)) for p, r in zip(prompts, results, strict=True)]


def _ranked(
    users: Sequence[PossibleUser], verdict: StrategyScores | None, weights: FusionWeights
) -> tuple[RankedUser, ...]:
    scores = () if verdict is None else verdict.scores
    llm = [*scores, *[None] * (len(users) - len(scores))]
    columns = [Column("llm", weights.llm, llm), Column("retrieval", 1.0, [user.score for user in users])]
    rows = list(zip(users, add_up(columns, len(users)), llm, strict=True))
    # Users whom there was no time to rank follow in retrieval's order.
    rows[: len(scores)] = sorted(rows[: len(scores)], key=lambda row: (-row[1].score, row[0].user_id))
    return tuple(
        RankedUser(
            user_id=user.user_id,
            rank=place,
            score=user.score if verdict is None else joined.score,
            llm_score=told,
            retrieval_rank=user.rank,
            parts=joined.parts,
            votes=user.votes,
        )
        for place, (user, joined, told) in enumerate(rows, start=1)
    )


def _notes(n_found: int, n: int, verdict: StrategyScores | None, unasked: str | None) -> tuple[str, ...]:
    notes = []
    if n_found < n:
        notes.append(f"{n_found} of the {n} users asked for: no others liked anything near.")
    if unasked is not None:
        notes.append(unasked)
    if verdict is not None and verdict.dropped.history:
        notes.append(f"{verdict.dropped.history} oldest past items did not fit the prompt.")
    return tuple(notes)
