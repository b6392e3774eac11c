"""The chat that recommends, for OpenAI's clients: the whole conversation in, a grounded reply out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Path, Request
from fastapi.responses import StreamingResponse

from service.api.chat import chat_for
from service.api.dependencies import IndexingNow, Ranker, StoreNow
from service.api.fields import Text
from service.api.openai.errors import errors
from service.api.openai.shapes import (
    MODEL,
    ChoiceOut,
    ChunkChoiceOut,
    ChunkOut,
    CompletionIn,
    CompletionOut,
    DeltaOut,
    MessageOut,
    ModelsOut,
    OneModelOut,
    UsageOut,
    model_named,
)
from service.api.shown import remember
from service.chat.wire import ChatOut

router = APIRouter(prefix="/v1", tags=["openai"])

_STREAM = {"text/event-stream": {"schema": {"type": "string"}}}


@router.get("/models", responses=errors())
async def list_models() -> ModelsOut:
    """The one model that chat completions may name; which LLM ranks is the operator's setting."""
    return ModelsOut(data=[model_named(MODEL)])


@router.get("/models/{model}", responses=errors(404))
async def get_model(model: Annotated[Text, Path(description="Id of a model.")]) -> OneModelOut:
    """One model."""
    return model_named(model)


@router.post(
    "/chat/completions",
    response_model=CompletionOut,
    responses={
        **errors(400, 404, 409, 413),
        200: {"description": "A reply; a stream of chunks where that was asked for.", "content": _STREAM},
    },
)
async def complete(
    body: CompletionIn, request: Request, recommender: Ranker, store: StoreNow, indexing: IndexingNow
) -> CompletionOut | StreamingResponse:
    """The reply to the last user message: items that exist and pass every condition, each with a measured reason.

    Earlier messages count; system messages and tools do not. Beside OpenAI's fields `fewrec` holds the items. A stream
    begins when the reply is complete, so that whatever goes wrong has its status.
    """
    reply = await chat_for(request, recommender.of(body.scenario), store).reply(body.said(), body.user)
    answer = reply.recommendation
    if answer is not None:
        await remember(store, answer, "chat completions")
    if reply.kept:
        indexing.wake()
    whole = CompletionOut(
        id=f"chatcmpl-{uuid4() if answer is None else answer.request_id}",
        created=int(time.time()),
        choices=[ChoiceOut(message=MessageOut(content=reply.text))],
        usage=UsageOut.of(answer),
        fewrec=ChatOut.of(reply),
    )
    if not body.stream:
        return whole
    counted = body.stream_options is not None and bool(body.stream_options.include_usage)
    return StreamingResponse(_events(whole, counted=counted), media_type="text/event-stream")


def _events(whole: CompletionOut, *, counted: bool) -> Iterator[str]:
    """Server-sent events: the reply line by line, then its end with the items, then what it took if asked."""
    for chunk in _chunks(whole, counted=counted):
        yield f"data: {chunk.model_dump_json(exclude_none=True)}\n\n"
    yield "data: [DONE]\n\n"


def _chunks(whole: CompletionOut, *, counted: bool) -> Iterator[ChunkOut]:
    def chunk(delta: DeltaOut) -> ChunkOut:
        return ChunkOut(id=whole.id, created=whole.created, choices=[ChunkChoiceOut(delta=delta)])

    yield chunk(DeltaOut(role="assistant", content=""))
    for line in whole.choices[0].message.content.splitlines(keepends=True):
        yield chunk(DeltaOut(content=line))
    end = ChunkChoiceOut(delta=DeltaOut(), finish_reason="stop")
    yield ChunkOut(id=whole.id, created=whole.created, choices=[end], fewrec=whole.fewrec)
    if counted:
        yield ChunkOut(id=whole.id, created=whole.created, choices=[], usage=whole.usage)
