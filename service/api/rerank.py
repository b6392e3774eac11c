"""Any texts ranked for a question and, if named, for a user: the shape of Cohere's and Jina's rerankers."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ranking.types import Recommendation
from retrieval.ids import SEPARATOR
from retrieval.types import Item, Query
from service.api.dependencies import Ranker
from service.api.fields import Id, Text
from service.api.problems import problems
from service.wire import Wire

router = APIRouter(tags=["rerank"])

_Query = Annotated[str, StringConstraints(min_length=1, max_length=100_000)]
_Document = Annotated[str, StringConstraints(max_length=100_000)]


class DocumentIn(BaseModel):
    """A document as an object; what else it holds is passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    text: _Document


class RerankIn(BaseModel):
    """What to rank. Fields that are not named here are passed over, as clients of other rerankers send them."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    query: _Query
    documents: Annotated[list[_Document | DocumentIn], Field(min_length=1, max_length=1000)]
    top_n: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """How many come back; left out it is all."""
    return_documents: bool | None = None
    model: Text | None = None
    """Comes back as it is: which model ranks is the operator's setting."""
    user_id: Id | None = None
    """Ranks by this user's history too, with choices of similar users as examples."""

    def texts(self) -> list[str]:
        """The documents' texts, in their order."""
        return [given if isinstance(given, str) else given.text for given in self.documents]


class DocumentOut(Wire):
    """A document as it came."""

    text: str


class ResultOut(Wire):
    """One place of the order."""

    index: int
    """Place among the documents that were sent; the first is 0."""
    relevance_score: float
    """0 to 1, comparable within one answer only: the logistic function of the fused score."""
    document: DocumentOut | None = None
    """Only where it was asked for."""


class UsageOut(Wire):
    """Tokens that the LLM read, and with what it wrote."""

    prompt_tokens: int
    total_tokens: int


class ApiVersionOut(Wire):
    """Cohere's name for this shape."""

    version: str


class TokensOut(Wire):
    """The same as `usage`, where Cohere's clients look for it."""

    input_tokens: int
    output_tokens: int


class MetaOut(Wire):
    """Beside the order."""

    api_version: ApiVersionOut
    tokens: TokensOut
    warnings: list[str]
    """What was cut, dropped or could not be measured."""


class RerankOut(Wire):
    """The documents' order, best first."""

    id: str
    object: str = "list"
    model: str
    results: list[ResultOut]
    usage: UsageOut
    meta: MetaOut


@router.post("/v2/rerank", responses=problems(400, 404, 409, 413, 422), response_model_exclude_none=True)
@router.post("/v1/rerank", responses=problems(400, 404, 409, 413, 422), response_model_exclude_none=True)
async def rerank(body: RerankIn, recommender: Ranker) -> RerankOut:
    """Documents ranked for a query, best first.

    The LLM reads the first 120 characters of a document and the first 500 of the query; similarity is measured on as
    much as the embedding model reads. Nothing of the request is kept.
    """
    texts = body.texts()
    # No stored item can have such an id. Equal scores keep the order in which the documents came.
    items = [Item(item_id=f"{SEPARATOR}{place:06}", title=text) for place, text in enumerate(texts)]
    query = Query(user_id=body.user_id, text=body.query)
    retrieved = await asyncio.to_thread(recommender.retriever.describe_items, query, items)
    answer = await recommender.rank(retrieved, min(body.top_n or len(items), len(items)))
    return _answered(answer, body, texts)


def relevance(score: float) -> float:
    """The logistic function: a fused score of 0, the mean of the list, is one half. Rises with the score."""
    if score >= 0:
        return 1 / (1 + math.exp(-score))
    return math.exp(score) / (1 + math.exp(score))


def _answered(answer: Recommendation, body: RerankIn, texts: Sequence[str]) -> RerankOut:
    results = []
    for entry in answer.items:
        index = entry.retrieval_rank - 1
        document = DocumentOut(text=texts[index]) if body.return_documents else None
        results.append(ResultOut(index=index, relevance_score=relevance(entry.score), document=document))
    read, written = answer.prompt_tokens, answer.completion_tokens
    return RerankOut(
        id=answer.request_id,
        model=body.model or "fewrec",
        results=results,
        usage=UsageOut(prompt_tokens=read, total_tokens=read + written),
        meta=MetaOut(
            api_version=ApiVersionOut(version="2"),
            tokens=TokensOut(input_tokens=read, output_tokens=written),
            warnings=list(answer.notes),
        ),
    )
