"""What an audience looks like on the wire: the command line's --output json and the HTTP API share this shape."""

from __future__ import annotations

from dataclasses import asdict

from ranking.audience import AudienceAnswer
from service.schemas import DroppedOut, ModelOut, PartOut, SourceOut, TemplateOut, TimingOut
from service.wire import Wire


class AudienceUserOut(Wire):
    """One place: a user by id only, and why they are here."""

    user_id: str
    rank: int
    score: float
    llm_score: float | None
    retrieval_rank: int
    parts: list[PartOut]
    sources: list[SourceOut]


class AudienceOut(Wire):
    """The users whom an item is for, best first."""

    request_id: str
    item_id: str
    users: list[AudienceUserOut]
    requested: int
    ranked_by: str
    rung: str
    """full, fewer (the LLM ranked the first users only), retrieval or popular (the index failed)."""
    degraded: bool
    reason: str | None
    model: ModelOut | None
    template: TemplateOut | None
    prompt_digest: str | None
    prompt_tokens: int
    dropped: DroppedOut
    notes: list[str]
    timings: list[TimingOut]

    @classmethod
    def of(cls, answer: AudienceAnswer) -> AudienceOut:
        """The wire shape of an answer."""
        return cls(
            request_id=answer.request_id,
            item_id=answer.item.item_id,
            users=[
                AudienceUserOut(
                    user_id=user.user_id,
                    rank=user.rank,
                    score=user.score,
                    llm_score=user.llm_score,
                    retrieval_rank=user.retrieval_rank,
                    parts=[PartOut.of(part) for part in user.parts],
                    sources=[SourceOut.of(vote) for vote in user.votes],
                )
                for user in answer.users
            ],
            requested=answer.requested,
            ranked_by=answer.ranked_by,
            rung=answer.rung,
            degraded=answer.degraded,
            reason=answer.reason,
            model=None if answer.engine is None else ModelOut.of(answer.engine),
            template=answer.template and TemplateOut.of(answer.template),
            prompt_digest=answer.prompt_digest,
            prompt_tokens=answer.prompt_tokens,
            dropped=DroppedOut(**asdict(answer.dropped)),
            notes=list(answer.notes),
            timings=[TimingOut.of(stage) for stage in answer.stages],
        )
