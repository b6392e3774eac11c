"""Chat that recommends: one utterance in, a grounded reply out. The client holds the conversation's state."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import Field, StringConstraints

from prompts.errors import PromptError
from ranking.errors import RankingError
from ranking.recommender import Recommender
from retrieval.catalogue import Catalogue
from retrieval.errors import RetrievalError
from service.api.dependencies import IndexingNow, Ranker, StoreNow
from service.api.fields import Id, In, Text
from service.api.problems import problems, told
from service.api.shown import remember
from service.chat.conversation import MOST_UTTERANCE, checked
from service.chat.llm import reader_for
from service.chat.recommender import ChatRecommender
from service.chat.replies import ChatReply
from service.chat.state_token import MOST_CHARACTERS, decode
from service.chat.types import Conversation
from service.chat.vocabularies import Vocabularies
from service.chat.wire import ChatOut

router = APIRouter(prefix="/v1", tags=["chat"])

_Utterance = Annotated[str, StringConstraints(min_length=1, max_length=MOST_UTTERANCE)]


class ChatIn(In):
    """What is said, and where the conversation stands."""

    message: _Utterance
    state: Annotated[str, StringConstraints(max_length=MOST_CHARACTERS)] | None = None
    """`state` of the last reply; left out it is a new conversation."""
    user_id: Id | None = None
    n: Annotated[int, Field(ge=1, le=20)] | None = None
    """How many items where the conversation names no number; left out it is 5."""
    reader: Literal["rules", "llm"] = "rules"
    """What reads the message. "llm" falls back to "rules", and says so, where the model cannot be held to a form."""
    scenario: Text | None = None
    """As in a request for a list: name it with every message that it shall hold for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    chat: ChatRecommender
    state: Conversation
    body: ChatIn

    async def reply(self) -> ChatReply:
        return await self.chat.turn(self.state, self.body.message, self.body.user_id, self.body.n)


def chat_for(request: Request, recommender: Recommender, store: StoreNow, reader: str = "rules") -> ChatRecommender:
    """A chat over the request's Recommender; the vocabulary is kept from one request to the next."""
    state = request.app.state
    vocabularies = getattr(state, "chat_vocabularies", None)
    if not isinstance(vocabularies, Vocabularies):
        vocabularies = Vocabularies(Catalogue(store.record).items)
        state.chat_vocabularies = vocabularies
    return ChatRecommender(
        recommender=recommender,
        record=store.record,
        vocabularies=vocabularies,
        reader=reader_for(recommender.engine, reader, vocabularies.rules),
    )


async def _asked(body: ChatIn, request: Request, recommender: Ranker, store: StoreNow) -> _Asked:
    # Whatever is wrong with the request is told before the first byte of a stream.
    chat = chat_for(request, recommender.of(body.scenario), store, body.reader)
    checked(body.message)
    return _Asked(chat=chat, state=decode(body.state, await chat.vocabulary()), body=body)


Asked = Annotated[_Asked, Depends(_asked)]


@router.post("/chat", responses=problems(400, 404, 409, 413, 422))
async def chat(asked: Asked, store: StoreNow, indexing: IndexingNow) -> ChatOut:
    """A reply with items that exist, pass every condition, and have a measured reason; or one question."""
    reply = await asked.reply()
    await _settle(reply, store, indexing)
    return ChatOut.of(reply)


@router.post("/chat/stream", response_class=EventSourceResponse, responses=problems(400, 404, 409, 413, 422))
async def chat_stream(
    asked: Asked, request: Request, store: StoreNow, indexing: IndexingNow
) -> AsyncIterator[ServerSentEvent]:
    """The same as events: `line` for each line of the text, then `reply` with the whole; `error` if it fails."""
    try:
        reply = await asked.reply()
        await _settle(reply, store, indexing)
    except (RetrievalError, PromptError, RankingError) as error:
        yield ServerSentEvent(event="error", data=told(request, error))
        return
    for line in reply.text.splitlines():
        yield ServerSentEvent(event="line", data=line)
    yield ServerSentEvent(event="reply", data=ChatOut.of(reply))


async def _settle(reply: ChatReply, store: StoreNow, indexing: IndexingNow) -> None:
    """Logs the list, so that feedback can name it, and lets the index follow what was kept."""
    if reply.recommendation is not None:
        await remember(store, reply.recommendation, "chat")
    if reply.kept:
        indexing.wake()
