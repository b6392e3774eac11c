"""What the model is shown for a list: the prompt itself."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter

from prompts.types import Dialogue, Prompt
from service.api.dependencies import Ranker
from service.api.problems import problems
from service.api.recommend import RecommendIn
from service.schemas import DroppedOut, TemplateOut
from service.wire import Wire

router = APIRouter(prefix="/v1", tags=["recommend"])


class TurnOut(Wire):
    """A turn of the conversation that the model reads."""

    role: str
    content: str


class SlotOut(Wire):
    """A turn that every filling goes through: `before`, one of `branches`, `after`."""

    role: Literal["user", "assistant"]
    before: str
    branches: list[str]
    after: str


class PromptOut(Wire):
    """The first question that the model is asked: the turns, the slot if there is one, and the opened answer."""

    digest: str
    """That of the list's `prompt_digest`, if nothing has changed in between."""
    template: TemplateOut
    turns: list[TurnOut]
    slot: SlotOut | None
    """Null where the model is to write: then all candidates are in the turns."""
    answer: str
    """How the assistant's turn is opened; the model goes on from there."""
    labels: list[str] | None
    """The answers that are compared; null where the filling's own likelihood is the question, or the model writes."""
    dropped: DroppedOut

    @classmethod
    def of(cls, asked: Prompt | Dialogue) -> PromptOut:
        """The wire shape."""
        template, dropped = asked.template, asked.dropped
        prompt = asked if isinstance(asked, Prompt) else None
        return cls(
            digest=asked.digest,
            template=TemplateOut(
                name=template.name, version=template.version, language=template.language, digest=template.digest
            ),
            turns=[TurnOut(role=message.role, content=message.content) for message in asked.messages],
            slot=prompt
            and SlotOut(
                role=prompt.slot_role, before=prompt.before, branches=list(prompt.branches), after=prompt.after
            ),
            answer=asked.answer,
            labels=None if prompt is None or prompt.labels is None else list(prompt.labels),
            dropped=DroppedOut(
                history=dropped.history,
                demonstrations=dropped.demonstrations,
                clipped=dropped.clipped,
                neutralised=dropped.neutralised,
            ),
        )


class PromptsOut(Wire):
    """The prompt, if there is one."""

    prompt: PromptOut | None
    """Null where the model is not asked: nothing is known of the user and nothing was asked, or it has no weight."""


@router.post("/prompt", responses=problems(400, 404, 409, 413, 422))
async def prompt(body: RecommendIn, recommender: Ranker) -> PromptsOut:
    """What POST /v1/recommend with the same body would ask the model first. The model is not asked."""
    asked = await recommender.of(body.scenario).question(body.asked(user_id=body.user_id), body.n)
    return PromptsOut(prompt=None if asked is None else PromptOut.of(asked))
