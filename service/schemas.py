"""What an answer looks like on the wire: the command line's --output json and the HTTP API share these shapes.

Field names are part of the interface: a new field may come, none may change its meaning.
"""

from __future__ import annotations

from dataclasses import asdict

from pydantic import JsonValue

from prompts.types import TemplateRef
from ranking.types import EngineInfo, FusionPart, RankedItem, Reason, Recommendation, Stage
from retrieval.types import Signals, Vote
from service.changes import ChangeOut
from service.parsed import ParseOut
from service.sponsored import SponsoredOut
from service.stored import attributes_out
from service.wire import Wire


class ModelOut(Wire):
    """Which model ranked."""

    engine: str
    name: str
    revision: str
    adapter: str | None
    device: str
    dtype: str
    max_context: int
    parameters: int | None
    """None where a server does not say."""
    route: str | None
    """How the engine reaches the model, where it has a choice."""

    @classmethod
    def of(cls, info: EngineInfo) -> ModelOut:
        """The wire shape."""
        return cls(
            engine=info.engine,
            name=info.model,
            revision=info.revision,
            adapter=info.adapter,
            device=info.device,
            dtype=info.dtype,
            max_context=info.max_context,
            parameters=info.parameters,
            route=info.route,
        )


class TemplateOut(Wire):
    """Which prompt template was rendered."""

    name: str
    version: int
    language: str
    digest: str

    @classmethod
    def of(cls, ref: TemplateRef) -> TemplateOut:
        """The wire shape."""
        return cls(name=ref.name, version=ref.version, language=ref.language, digest=ref.digest)


class SourceOut(Wire):
    """A candidate source that proposed the item, and at which rank of its own list."""

    name: str
    rank: int
    score: float

    @classmethod
    def of(cls, vote: Vote) -> SourceOut:
        """The wire shape."""
        return cls(name=vote.source, rank=vote.rank, score=vote.score)


class PartOut(Wire):
    """One term of the fused score; `value` is null where it could not be measured."""

    name: str
    value: float | None
    weight: float
    contribution: float

    @classmethod
    def of(cls, part: FusionPart) -> PartOut:
        """The wire shape."""
        return cls(name=part.name, value=part.value, weight=part.weight, contribution=part.contribution)


class SignalsOut(Wire):
    """Retrieval's evidence; null where there was nothing to measure it on."""

    similarity_max: float | None
    similarity_mean: float | None
    query_similarity: float | None
    cooccurrence: float | None
    latent: float | None
    bm25: float | None
    interactions_per_item: float
    log_popularity: float

    @classmethod
    def of(cls, signals: Signals) -> SignalsOut:
        """The wire shape."""
        return cls(**asdict(signals))


class BecauseOut(Wire):
    """A past item and how much it moved the recommended one: positive is up."""

    item_id: str
    title: str
    score_change: float


class ReasonOut(Wire):
    """Measured facts behind an item, and a sentence made of these facts only."""

    text: str
    because: list[BecauseOut]
    shared: list[str]


class ItemOut(Wire):
    """One place of the list."""

    item_id: str
    title: str
    score: float
    rank: int
    domain: str
    attributes: dict[str, JsonValue]
    llm_score: float | None
    retrieval_rank: int
    parts: list[PartOut]
    sources: list[SourceOut]
    signals: SignalsOut
    reason: ReasonOut | None
    team: str | None
    """The arm that picked it, in a list that two arms of an experiment made together."""
    probability: float | None
    """Calibrated chance that the user takes the item next; null where none was fitted for such a list."""


class CountsOut(Wire):
    """How much went in."""

    candidates: int
    history: int
    history_shown: int
    demonstrations: int
    prompt_tokens: int
    completion_tokens: int
    model_calls: int


class DroppedOut(Wire):
    """What did not fit the prompt or had to be made harmless; all zero means nothing."""

    history: int
    demonstrations: int
    clipped: int
    neutralised: int
    summarised: int


class TimingOut(Wire):
    """Wall time of one stage."""

    stage: str
    seconds: float

    @classmethod
    def of(cls, stage: Stage) -> TimingOut:
        """The wire shape."""
        return cls(stage=stage.name, seconds=stage.seconds)


class RecommendationOut(Wire):
    """A whole answer."""

    request_id: str
    user_id: str | None
    items: list[ItemOut]
    requested: int
    ranked_by: str
    rung: str
    """full, fewer (the LLM ranked the first candidates only), retrieval or popular."""
    degraded: bool
    """Whether something was slow, busy or down, so that this is less than the settings ask for."""
    reason: str | None
    """deadline, busy, engine, breaker or index; null where nothing is missing."""
    experiment: str | None
    """The experiment that the list is part of; null where it is part of none."""
    arm: str | None
    """The arm that ranked; null outside of experiments and where two arms made the list together."""
    scenario: str | None
    """The scenario that was asked for; null where none was."""
    changes: list[ChangeOut]
    """What put items elsewhere than ranking did, or left them out; empty where the list is what ranking says."""
    sponsored: list[SponsoredOut]
    """Entries that somebody pays for, to be shown as such at their slots; `items` know nothing of them."""
    model: ModelOut | None
    strategy: str | None
    template: TemplateOut | None
    prompt_digest: str | None
    counts: CountsOut
    dropped: DroppedOut
    parse: ParseOut | None
    """Null where the model wrote nothing: it weighed answers or titles."""
    agreement: float | None
    """How far the answers to several orders of the candidates agree, 1 to -1 (mean Kendall tau); null for one order."""
    notes: list[str]
    timings: list[TimingOut]

    @classmethod
    def of(cls, answer: Recommendation) -> RecommendationOut:
        """The wire shape of an answer; nothing is left out and nothing is rounded."""
        return cls(
            request_id=answer.request_id,
            user_id=None if answer.user is None else answer.user.user_id,
            items=[_item(item) for item in answer.items],
            requested=answer.requested,
            ranked_by=answer.ranked_by,
            rung=answer.rung,
            degraded=answer.degraded,
            reason=answer.reason,
            experiment=answer.experiment,
            arm=answer.arm,
            scenario=answer.scenario,
            changes=[ChangeOut.of(change) for change in answer.changes],
            sponsored=[SponsoredOut.of(entry) for entry in answer.sponsored],
            model=None if answer.engine is None else ModelOut.of(answer.engine),
            strategy=answer.strategy,
            template=None if answer.template is None else TemplateOut.of(answer.template),
            prompt_digest=answer.prompt_digest,
            counts=CountsOut(
                candidates=answer.n_candidates,
                history=answer.n_history,
                history_shown=answer.n_history_shown,
                demonstrations=answer.n_demonstrations,
                prompt_tokens=answer.prompt_tokens,
                completion_tokens=answer.completion_tokens,
                model_calls=answer.model_calls,
            ),
            dropped=DroppedOut(**asdict(answer.dropped)),
            parse=ParseOut.of(answer.outputs) if answer.outputs else None,
            agreement=answer.agreement,
            notes=list(answer.notes),
            timings=[TimingOut.of(stage) for stage in answer.stages],
        )


def _item(ranked: RankedItem) -> ItemOut:
    return ItemOut(
        item_id=ranked.item.item_id,
        title=ranked.item.title,
        score=ranked.score,
        rank=ranked.rank,
        domain=ranked.item.domain,
        attributes=attributes_out(ranked.item.attributes),
        llm_score=ranked.llm_score,
        retrieval_rank=ranked.retrieval_rank,
        parts=[PartOut.of(part) for part in ranked.parts],
        sources=[SourceOut.of(vote) for vote in ranked.votes],
        signals=SignalsOut.of(ranked.signals),
        reason=None if ranked.reason is None else _reason(ranked.reason),
        team=ranked.team,
        probability=ranked.probability,
    )


def _reason(reason: Reason) -> ReasonOut:
    because = [BecauseOut(item_id=i.item_id, title=i.title, score_change=i.score_change) for i in reason.because]
    return ReasonOut(text=reason.text, because=because, shared=list(reason.shared))
