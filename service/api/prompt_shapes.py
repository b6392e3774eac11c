"""A prompt as it looks on the wire."""

from __future__ import annotations

from typing import Literal

from prompts.types import Dialogue, Prompt
from service.schemas import DroppedOut, TemplateOut
from service.wire import Wire


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
                summarised=dropped.summarised,
            ),
        )
