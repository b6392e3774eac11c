"""Chat that recommends: an utterance is read, the state moves on, and the reply holds nothing but facts."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ranking.recommender import Recommender
from ranking.types import RankedItem, Recommendation
from retrieval.record import Record
from retrieval.types import Interaction, Item, PastItem, Query
from service.chat.conditions import Relaxation, filter_of, relaxations, violations
from service.chat.conversation import advance, checked
from service.chat.grounds import Fact, facts_of, reason_of
from service.chat.lexicon import Lexicon, load_lexicon
from service.chat.protocol import Reader
from service.chat.rules import RuleReader
from service.chat.state_token import known
from service.chat.tokens import phrase_of
from service.chat.types import Conversation, Facet, Question, Reading, Told, Turn
from service.chat.vocabulary import Vocabulary, build_vocabulary
from service.chat.wording import Wording, load_wordings

SHOWN = 5
"""Items of a reply where nobody says how many."""
MOST_MESSAGES = 100
_LIST_LINE = re.compile(r"^\s*\d{1,3}\. (?P<name>.+?)(?: — .*)?$")
_ITEM_YEAR = re.compile(r"^(?P<title>.*?)(?: \((?P<year>\d{1,4})\))?$")


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatMessage:
    """One turn of a conversation as a client keeps it."""

    role: Literal["system", "user", "assistant"]
    content: str


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


class Vocabularies:
    """The vocabulary of a catalogue, built anew when the catalogue's items are other ones. Thread-safe."""

    def __init__(self, catalogue: Callable[[], Mapping[str, Item]], lexicon: Lexicon | None = None) -> None:
        self._catalogue = catalogue
        self.lexicon = load_lexicon() if lexicon is None else lexicon
        self._lock = threading.Lock()
        self._held: Vocabulary | None = None

    def current(self) -> Vocabulary:
        """The vocabulary of the catalogue as it is now."""
        with self._lock:
            items = self._catalogue()
            if self._held is None or self._held.items is not items:
                self._held = build_vocabulary(items, self.lexicon)
            return self._held


class ChatRecommender:
    """Answers utterances with one Recommender over one catalogue. Holds nothing of any conversation."""

    def __init__(
        self, *, recommender: Recommender, record: Record, vocabularies: Vocabularies, reader: Reader | None = None
    ) -> None:
        self._recommender = recommender
        self._record = record
        self._vocabularies = vocabularies
        self._reader: Reader = RuleReader() if reader is None else reader
        self._wordings = load_wordings(vocabularies.lexicon)

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
        utterance = message.content[:2000]
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
        state, kept = await self._remembered(turn.state, user_id)
        if kept:
            items = [vocabulary.items[told.item_id] for told in kept]
            notes.append(wording.say("kept", titles=wording.names_of(items)))
        reply = _Draft(state=state, wording=wording, notes=notes, kept=kept, reader=read.reader, vocabulary=vocabulary)
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

    async def _recommended(self, reply: _Draft, user_id: str | None, n: int | None) -> ChatReply:
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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Draft:
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


def query_of(state: Conversation, vocabulary: Vocabulary, user_id: str | None, past: Sequence[PastItem] = ()) -> Query:
    """What a state asks of the recommender. `past` is the user's own history, oldest first.

    Titles that were named stand for the user's taste in this conversation: they are the history that retrieval and the
    prompt go by, and what the user took before only must not come back. Without such titles the user's own history
    counts. The text holds what is wanted in words; what is refused is a filter and never a word.
    """
    items = vocabulary.items
    now = time.time()
    disliked = [PastItem(item=items[i], timestamp=now - 2, liked=False) for i in state.unlike if i in items]
    liked = [PastItem(item=items[i], timestamp=now - 1, liked=True) for i in state.like if i in items]
    own = () if liked else tuple(past)
    seen = {entry.item.item_id for entry in past} if liked else set()
    named = {entry.item.item_id for entry in (*disliked, *liked)}
    history = (*(entry for entry in own if entry.item.item_id not in named), *disliked, *liked)
    return Query(
        user_id=user_id,
        text=_text(state, vocabulary.lexicon),
        filters=tuple(filter_of(condition) for condition in state.conditions),
        exclude=frozenset({*state.seen, *state.like, *state.unlike, *seen}),
        domain=state.domain,
        history=history if named else None,
    )


def listed_in(text: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    """The items of a reply's numbered list, in its order; lines that name no item of the catalogue are passed over."""
    found: list[str] = []
    for line in text[:50_000].splitlines():
        match = _LIST_LINE.match(line)
        named = _ITEM_YEAR.match(match["name"]) if match else None
        if named is None:
            continue
        ids = vocabulary.titles.get(phrase_of(named["title"], vocabulary.lexicon.traditional), ())
        year = named["year"]
        fitting = [i for i in ids if year is None or vocabulary.items[i].attributes.get("year") == float(year)]
        found += fitting[:1] or list(ids[:1])
    return tuple(found)


def _text(state: Conversation, lexicon: Lexicon) -> str | None:
    """The mood in words that the embedding model knows; without a mood, the values that are wanted."""
    if state.text:
        text = state.text
        for english, words in lexicon.moods.items():
            for word in words:
                text = text.replace(word, f" {english} ")
        return " ".join(text.split())
    values = [value for c in state.conditions if isinstance(c, Facet) and not c.refused for value in c.values]
    return ", ".join(dict.fromkeys(values))[:400] or None


def _notes(turn: Turn, vocabulary: Vocabulary, wording: Wording) -> list[str]:
    notes = [wording.say("unknown", text=text[:100]) for text in turn.unknown]
    notes += [wording.say("unsupported", measure=wording.measure(measure)) for measure in turn.unsupported]
    notes += [wording.say("unchecked", text=text[:100]) for text in turn.unchecked]
    notes += [wording.say("without_basis", attribute=attribute) for attribute in turn.without_basis]
    if turn.assumed:
        notes.append(wording.say("assumed", titles=wording.names_of([vocabulary.items[i] for i in turn.assumed])))
    return notes
