"""Chat that recommends: an utterance is read, the state moves on, and the reply holds nothing but facts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ranking.recommender import Recommender
from retrieval.errors import QuotaError
from retrieval.record import Record
from retrieval.types import Interaction
from service.chat.conditions import relaxations, violations
from service.chat.conversation import MOST_UTTERANCE, advance, checked
from service.chat.lexicon import Lexicon
from service.chat.protocol import Reader
from service.chat.queries import listed_in, query_of
from service.chat.replies import ChatReply, Draft
from service.chat.state_token import known
from service.chat.types import Conversation, Question, Reading, Told, Turn
from service.chat.vocabularies import Vocabularies
from service.chat.vocabulary import Vocabulary
from service.chat.wording import Wording, load_wordings

SHOWN = 5
"""Items of a reply where nobody says how many."""
MOST_MESSAGES = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatMessage:
    """One turn of a conversation as a client keeps it."""

    role: Literal["system", "user", "assistant"]
    content: str


class ChatRecommender:
    """Answers utterances with one Recommender over one catalogue. Holds nothing of any conversation."""

    def __init__(
        self, *, recommender: Recommender, record: Record, vocabularies: Vocabularies, reader: Reader | None = None
    ) -> None:
        self._recommender = recommender
        self._record = record
        self._vocabularies = vocabularies
        self._reader: Reader = vocabularies.rules if reader is None else reader
        self._wordings = load_wordings(vocabularies.lexicon)

    @property
    def lexicon(self) -> Lexicon:
        """The words that utterances are read with."""
        return self._vocabularies.lexicon

    async def vocabulary(self) -> Vocabulary:
        """The catalogue's vocabulary, to read a state by."""
        return await asyncio.to_thread(self._vocabularies.current)

    async def reply(
        self, messages: Sequence[ChatMessage], user_id: str | None = None, n: int | None = None
    ) -> ChatReply:
        """The reply to the last user message of a conversation that is told whole, as chat clients do.

        Earlier user messages are read again, earlier replies only for the lists they showed; other roles are passed
        over. Only the latest 100 messages count. What was liked in earlier ones is not stored again. Raises InputError
        for a conversation without a user message or for a last one that is too long.
        """
        said = [message for message in messages if message.role != "system"][-MOST_MESSAGES:]
        last = max((place for place, message in enumerate(said) if message.role == "user"), default=-1)
        checked(said[last].content if last >= 0 else "")
        vocabulary = await self.vocabulary()
        state = Conversation()
        for message in said[:last]:
            state = await self._replayed(state, message, vocabulary)
        return await self._answer(state, said[last].content, vocabulary, user_id, n)

    async def turn(
        self, state: Conversation, utterance: str, user_id: str | None = None, n: int | None = None
    ) -> ChatReply:
        """The reply to one utterance in a state. Raises InputError for an utterance that is too long or empty.

        `n` is how many items to show where the conversation names no number. Raises NotFoundError for an unknown user.
        """
        checked(utterance)
        vocabulary = await self.vocabulary()
        return await self._answer(known(state, vocabulary), utterance, vocabulary, user_id, n)

    async def _replayed(self, state: Conversation, message: ChatMessage, vocabulary: Vocabulary) -> Conversation:
        if message.role == "assistant":
            return replace(state, shown=listed_in(message.content, vocabulary) or state.shown)
        utterance = message.content[:MOST_UTTERANCE]
        read = await self._reader.read(state, utterance, vocabulary)
        turned = advance(state, read.reading, vocabulary, utterance).state
        # Whether something could be shown then is not known any more; what was agreed to then is done.
        asked = turned.question or (Question(kind="remember") if turned.told and turned.consent is None else None)
        return replace(turned, question=asked, told=() if turned.consent else turned.told)

    async def _answer(
        self, state: Conversation, utterance: str, vocabulary: Vocabulary, user_id: str | None, n: int | None
    ) -> ChatReply:
        read = await self._reader.read(state, utterance, vocabulary)
        before = state.question
        turn = advance(state, read.reading, vocabulary, utterance)
        wording = self._wordings[turn.state.language]
        notes = [*read.notes, *_notes(turn, vocabulary, wording)]
        try:
            state, kept = await self._remembered(turn.state, user_id)
        except QuotaError:
            # It is no reason to say nothing: what was said shapes this conversation all the same.
            state, kept = replace(turn.state, told=()), ()
            notes.append(wording.say("full"))
        if kept:
            items = [vocabulary.items[told.item_id] for told in kept]
            notes.append(wording.say("kept", titles=wording.names_of(items)))
        reply = Draft(state=state, wording=wording, notes=notes, kept=kept, reader=read.reader, vocabulary=vocabulary)
        if state.question is not None:
            options = [vocabulary.items[item_id] for item_id in state.question.item_ids]
            return reply.asking(wording.say("which", options=wording.options(options)))
        if read.reading == Reading(restart=True):
            return reply.asking(wording.say("restarted"))
        if before is not None and before.kind == "remember" and read.reading == Reading(answer=read.reading.answer):
            return reply.saying("" if kept else wording.say("not_kept"))
        return await self._recommended(reply, user_id, n)

    async def _remembered(self, state: Conversation, user_id: str | None) -> tuple[Conversation, tuple[Told, ...]]:
        """Stores likes and dislikes if that was agreed to; without a user there is nobody to store them for."""
        if user_id is None or not state.told:
            return state, ()
        if state.consent is None:
            return state, ()
        if not state.consent:
            return replace(state, told=()), ()
        now = time.time()
        await asyncio.to_thread(
            self._record.put_interactions,
            [
                Interaction(user_id=user_id, item_id=told.item_id, timestamp=now, liked=told.liked)
                for told in state.told
            ],
        )
        return replace(state, told=()), state.told

    async def _recommended(self, reply: Draft, user_id: str | None, n: int | None) -> ChatReply:
        state, vocabulary = reply.state, reply.vocabulary
        past = () if user_id is None else await asyncio.to_thread(self._record.history, user_id)
        query = query_of(state, vocabulary, user_id, past)
        wanted = state.count or n or SHOWN
        answer = await self._recommender.recommend(query, wanted, explain=True)
        allowed = [ranked for ranked in answer.items if not violations(state, [ranked.item])]
        if not allowed:
            barred = query.exclude | {entry.item.item_id for entry in past}
            found = await asyncio.to_thread(relaxations, state, vocabulary.items.values(), barred, time.time())
            return reply.impossible(found)
        return reply.showing(allowed, answer, wanted, asks_consent=user_id is not None)


def _notes(turn: Turn, vocabulary: Vocabulary, wording: Wording) -> list[str]:
    notes = [wording.say("unknown", text=text[:100]) for text in turn.unknown]
    notes += [wording.say("unsupported", measure=wording.measure(measure)) for measure in turn.unsupported]
    notes += [wording.say("unchecked", text=text[:100]) for text in turn.unchecked]
    notes += [wording.say("without_basis", attribute=attribute) for attribute in turn.without_basis]
    if turn.assumed:
        notes.append(wording.say("assumed", titles=wording.names_of([vocabulary.items[i] for i in turn.assumed])))
    return notes
