"""A reply on the wire: `fewrec chat --output json` and POST /v1/chat share this shape."""

from __future__ import annotations

from service.chat.replies import ChatItem, ChatReply
from service.chat.state_token import encode
from service.schemas import ItemOut, RecommendationOut
from service.wire import Wire


class FactOut(Wire):
    """One measured fact behind an item."""

    kind: str
    text: str


class ChatItemOut(Wire):
    """One item of a reply."""

    item: ItemOut
    reason: str
    """The facts as one phrase, in the language of the conversation."""
    facts: list[FactOut]


class ToldOut(Wire):
    """A like or dislike that was stored with the user's agreement."""

    item_id: str
    liked: bool


class ChatOut(Wire):
    """A whole reply."""

    text: str
    language: str
    understood: str | None
    """All that the conversation asks for by now; null while it asks for nothing."""
    items: list[ChatItemOut]
    notes: list[str]
    question: str | None
    """The one question that ends the reply; the next message may answer it."""
    kept: list[ToldOut]
    reader: str
    request_id: str | None
    """Names the list for feedback; null where the reply shows none."""
    rung: str | None
    """What ranked the list, as in a recommendation; null where the reply shows none."""
    degraded: bool
    """Whether something was slow, busy or down, so that the list is less than the settings ask for; a note says so."""
    reason: str | None
    """deadline, busy, engine, breaker or index; null where nothing is missing."""
    scenario: str | None
    """The scenario that the list is of; null where none was asked for, or the reply shows none."""
    state: str
    """Opaque: send it back with the next message."""

    @classmethod
    def of(cls, reply: ChatReply) -> ChatOut:
        """The wire shape."""
        answer = reply.recommendation
        items = {} if answer is None else {item.item_id: item for item in RecommendationOut.of(answer).items}
        return cls(
            text=reply.text,
            language=reply.state.language,
            understood=reply.understood,
            items=[_item(item, items[item.ranked.item.item_id]) for item in reply.items],
            notes=list(reply.notes),
            question=reply.question,
            kept=[ToldOut(item_id=told.item_id, liked=told.liked) for told in reply.kept],
            reader=reply.reader,
            request_id=None if answer is None else answer.request_id,
            rung=None if answer is None else answer.rung,
            degraded=answer is not None and answer.degraded,
            reason=None if answer is None else answer.reason,
            scenario=None if answer is None else answer.scenario,
            state=encode(reply.state),
        )


def _item(chat: ChatItem, item: ItemOut) -> ChatItemOut:
    facts = [FactOut(kind=fact.kind, text=fact.text) for fact in chat.facts]
    return ChatItemOut(item=item, reason=chat.reason, facts=facts)
