"""A reply and its parts, put together from facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ranking.types import RankedItem, Recommendation
from service.chat.conditions import Relaxation
from service.chat.grounds import Fact, facts_of, reason_of
from service.chat.types import Conversation, Question, Told
from service.chat.vocabulary import Vocabulary
from service.chat.wording import Wording


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatItem:
    """One item of a reply, the facts behind it, and these facts as one phrase."""

    ranked: RankedItem
    facts: tuple[Fact, ...]
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatReply:
    """What is said to an utterance. Every item exists, passes every condition, and has at least one measured fact."""

    text: str
    """The whole reply; its parts are below."""
    understood: str | None
    """All that the conversation asks for by now, in words."""
    items: tuple[ChatItem, ...]
    notes: tuple[str, ...]
    question: str | None
    state: Conversation
    """To be handed back with the next utterance."""
    kept: tuple[Told, ...]
    """Likes and dislikes that were stored now, with the user's agreement."""
    reader: str
    recommendation: Recommendation | None
    """The ranking behind the items; None where the reply only asks or confirms."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A reply while it is put together."""

    state: Conversation
    wording: Wording
    notes: list[str]
    kept: tuple[Told, ...]
    reader: str
    vocabulary: Vocabulary

    def asking(self, question: str) -> ChatReply:
        """Only a question."""
        return self._whole(state=self.state, question=question)

    def saying(self, text: str) -> ChatReply:
        """Only a confirmation."""
        return self._whole(state=self.state, lines=[text] if text else [])

    def impossible(self, ways: Sequence[Relaxation]) -> ChatReply:
        """That nothing passes, and what to give up."""
        request = self.wording.request(self.state, self.vocabulary.items)
        if request is None:
            return self.saying(self.wording.say("nothing_left"))
        state = replace(self.state, shown=())
        if not ways:
            return self._whole(state=state, lines=[self.wording.say("nothing", request=request)])
        asked = Question(kind="relax", conditions=ways[0].conditions)
        return self._whole(state=replace(state, question=asked), question=self.wording.relax(request, ways))

    def showing(
        self, ranked: Sequence[RankedItem], answer: Recommendation, wanted: int, *, asks_consent: bool
    ) -> ChatReply:
        """A list with reasons."""
        items = []
        for one in ranked:
            facts = facts_of(one, self.state, self.vocabulary.items, self.wording)
            items.append(ChatItem(ranked=one, facts=facts, reason=reason_of(facts, self.wording)))
        if len(items) < wanted:
            self.notes.append(self.wording.say("fewer", n=len(items)))
        if answer.degraded:
            self.notes.append(self.wording.say("less"))
        state = replace(self.state, shown=tuple(one.item.item_id for one in ranked))
        question = None
        if asks_consent and state.told and state.consent is None:
            titles = self.wording.names_of([self.vocabulary.items[told.item_id] for told in state.told])
            question = self.wording.say("remember", titles=titles)
            state = replace(state, question=Question(kind="remember"))
        request = self.wording.request(state, self.vocabulary.items)
        head = "list_bare" if request is None else "list"
        lines = [self.wording.say(head, n=len(items), request=request)]
        lines += [
            f"{place}. {self.wording.name_of(item.ranked.item)} — {item.reason}"
            for place, item in enumerate(items, start=1)
        ]
        return self._whole(state=state, lines=lines, items=tuple(items), question=question, answer=answer)

    def _whole(
        self,
        *,
        state: Conversation,
        lines: Sequence[str] = (),
        items: tuple[ChatItem, ...] = (),
        question: str | None = None,
        answer: Recommendation | None = None,
    ) -> ChatReply:
        said = [*lines, *self.notes, *([question] if question else [])]
        return ChatReply(
            text="\n".join(said),
            understood=self.wording.request(state, self.vocabulary.items),
            items=items,
            notes=tuple(self.notes),
            question=question,
            state=state,
            kept=self.kept,
            reader=self.reader,
            recommendation=answer,
        )
