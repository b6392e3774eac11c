"""What a user is told of the data about them: a copy of all of it, and what was removed."""

from __future__ import annotations

from dataclasses import asdict

from pydantic import TypeAdapter

from retrieval.erasure import Erased, ErasedRequest
from retrieval.record.ads.types import AdShow
from retrieval.record.types import Choice, Feedback, FeedbackKind, LoggedPrompts, PersonalCopy, ShownList
from service.api.prompt_shapes import PromptOut
from service.stored import InteractionOut, UserOut
from service.wire import Wire


class DemonstrationOut(Wire):
    """A choice of the user that prompts of other users may show."""

    item_id: str
    chosen_at: float
    before: list[str]
    """Item ids, oldest first."""

    @classmethod
    def of(cls, choice: Choice) -> DemonstrationOut:
        """The wire shape."""
        return cls(item_id=choice.item_id, chosen_at=choice.chosen_at, before=list(choice.before))


class ShownOut(Wire):
    """A list that was shown, and what produced it."""

    request_id: str
    user_id: str | None
    door: str
    """Which way it was asked for."""
    asked_at: float
    item_ids: list[str]
    """Best first."""
    ranked_by: str
    rung: str | None
    """full, fewer, retrieval or popular; null where nothing was to be ranked."""
    strategy: str | None
    template: str | None
    prompt_digest: str | None
    model: str | None
    adapter: str | None
    scenario: str | None
    """The scenario that was asked for; null where none was."""
    experiment: str | None
    arm: str | None
    teams: list[str] | None
    """The arm that picked each item, where two arms made the list together."""

    @classmethod
    def of(cls, shown: ShownList) -> ShownOut:
        """The wire shape."""
        return cls(
            request_id=shown.request_id,
            user_id=shown.user_id,
            door=shown.door,
            asked_at=shown.asked_at,
            item_ids=list(shown.item_ids),
            ranked_by=shown.ranked_by,
            rung=shown.rung,
            strategy=shown.strategy,
            template=shown.template,
            prompt_digest=shown.prompt_digest,
            model=shown.model,
            adapter=shown.adapter,
            scenario=shown.scenario,
            experiment=shown.experiment,
            arm=shown.arm,
            teams=None if shown.teams is None else list(shown.teams),
        )


class FeedbackOut(Wire):
    """Feedback as it is stored."""

    feedback_id: str
    user_id: str
    item_id: str
    kind: FeedbackKind
    timestamp: float
    request_id: str | None
    rank: int | None
    """Place in the list that was named, 1 is best."""

    @classmethod
    def of(cls, feedback: Feedback) -> FeedbackOut:
        """The wire shape."""
        return cls(
            feedback_id=feedback.feedback_id,
            user_id=feedback.user_id,
            item_id=feedback.item_id,
            kind=feedback.kind,
            timestamp=feedback.timestamp,
            request_id=feedback.request_id,
            rank=feedback.rank,
        )


class AdShowOut(Wire):
    """Something that was shown to a user because somebody paid for it."""

    request_id: str
    campaign_id: str
    item_id: str
    place: int
    """In the list, 1 is first."""
    probability: float
    shown_at: float
    clicked_at: float | None

    @classmethod
    def of(cls, show: AdShow) -> AdShowOut:
        """The wire shape, without what was paid."""
        return cls(
            request_id=show.request_id,
            campaign_id=show.campaign_id,
            item_id=show.item_id,
            place=show.place,
            probability=show.probability,
            shown_at=show.shown_at,
            clicked_at=show.clicked_at,
        )


class LoggedPromptsOut(Wire):
    """What the model was shown for a list, in the order of asking."""

    request_id: str
    user_id: str | None
    asked_at: float
    prompts: list[PromptOut]

    @classmethod
    def of(cls, logged: LoggedPrompts) -> LoggedPromptsOut:
        """The wire shape."""
        return cls(
            request_id=logged.request_id,
            user_id=logged.user_id,
            asked_at=logged.asked_at,
            prompts=_PROMPTS.validate_json(logged.prompts),
        )


_PROMPTS = TypeAdapter(list[PromptOut])


class ExportOut(Wire):
    """All that is kept of a user."""

    user: UserOut
    interactions: list[InteractionOut]
    demonstrations: list[DemonstrationOut]
    shown: list[ShownOut]
    feedback: list[FeedbackOut]
    sponsored: list[AdShowOut]
    prompts: list[LoggedPromptsOut]
    """Empty where the operator does not keep them."""

    @classmethod
    def of(cls, copy: PersonalCopy) -> ExportOut:
        """The wire shape."""
        return cls(
            user=UserOut.of(copy.user),
            interactions=[InteractionOut.of(one) for one in copy.interactions],
            demonstrations=[DemonstrationOut.of(one) for one in copy.demonstrations],
            shown=[ShownOut.of(one) for one in copy.shown],
            feedback=[FeedbackOut.of(one) for one in copy.feedback],
            sponsored=[AdShowOut.of(one) for one in copy.sponsored],
            prompts=[LoggedPromptsOut.of(one) for one in copy.prompts],
        )


class ErasedOut(Wire):
    """What was removed with a user."""

    user_id: str
    interactions: int
    demonstrations: int
    index_entries: int
    shown: int
    """Logged lists."""
    feedback: int
    sponsored: int
    """Times that something was shown to them for money."""
    prompts: int
    """Logged lists of prompts: theirs, and all that showed demonstrations, which may be theirs."""
    notes: list[str]
    """What is left to do and by whom; empty where nothing is."""

    @classmethod
    def of(cls, erased: Erased) -> ErasedOut:
        """The wire shape."""
        return cls(
            user_id=erased.user_id,
            interactions=erased.rows.interactions,
            demonstrations=erased.rows.demonstrations,
            index_entries=erased.index_entries,
            shown=erased.rows.shown,
            feedback=erased.rows.feedback,
            sponsored=erased.rows.sponsored,
            prompts=erased.rows.prompts,
            notes=list(erased.notes),
        )


class ErasedRequestOut(Wire):
    """What was removed of a list."""

    request_id: str
    shown: int
    """1 where the list was still logged."""
    prompts: int
    """1 where its prompts were kept."""
    notes: list[str]
    """What is left to do and by whom; empty where nothing is."""

    @classmethod
    def of(cls, erased: ErasedRequest) -> ErasedRequestOut:
        """The wire shape."""
        return cls(request_id=erased.request_id, notes=list(erased.notes), **asdict(erased.rows))
