"""Any LangChain documents, ranked by a Recommender."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from anyio.from_thread import BlockingPortal
from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.runnables import Runnable, RunnableLambda
from pydantic import ConfigDict, Field, InstanceOf

from ranking.recommender import Recommender
from retrieval.types import Item, Query
from service.langchain.wording import about, query_of


class FewRecReranker(BaseDocumentCompressor):
    """Documents ranked for a user, a question or both: a compressor of LangChain's, and as `runnable` a chain's step.

    A document whose metadata `item_id` is that of an item in the store is ranked as that item. Of any other the LLM
    reads metadata `title`, else the content, and no more of it than prompts show of a title (`notes` tells of cuts);
    similarity is measured on title and content. The documents come back as they were, with `relevance_score`
    (comparable within one list only), `rank`, `request_id`, `ranked_by` and `notes` added to their metadata.
    Raises NotFoundError for an unknown user, EmptyStoreError for an empty store.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    recommender: InstanceOf[Recommender]
    portal: InstanceOf[BlockingPortal]
    """Where the recommender runs; see service.langchain.doors."""
    asking: InstanceOf[Query] = Query()
    """What every call asks for beside its text: the user."""
    top_n: int | None = Field(default=None, ge=1)
    """How many documents come back; None is all."""

    def compress_documents(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks | None = None,  # noqa: ARG002 - LangChain's name for it
    ) -> list[Document]:
        """The best documents, best first."""
        return self.portal.call(self._ranked, documents, query, None)

    async def acompress_documents(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks | None = None,  # noqa: ARG002 - LangChain's name for it
    ) -> list[Document]:
        """The best documents, best first."""
        return await self.portal.call_async(self._ranked, documents, query, None)

    def runnable(self) -> Runnable[Mapping[str, Any], list[Document]]:
        """The step of a chain that takes a mapping with "documents" and with "query", "user_id" or both."""

        def ranked(given: Mapping[str, Any]) -> list[Document]:
            return self.portal.call(self._ranked, given["documents"], given.get("query") or "", given.get("user_id"))

        async def aranked(given: Mapping[str, Any]) -> list[Document]:
            asked = (given["documents"], given.get("query") or "", given.get("user_id"))
            return await self.portal.call_async(self._ranked, *asked)

        return RunnableLambda(ranked, aranked, name="FewRecReranker")

    async def _ranked(self, documents: Sequence[Document], text: str, user_id: str | None) -> list[Document]:
        items = [_as_item(document, place) for place, document in enumerate(documents, start=1)]
        query = query_of(self.asking, text, user_id)
        retrieved = await asyncio.to_thread(self.recommender.retriever.describe_items, query, items)
        answer = await self.recommender.rank(retrieved, self.top_n)
        ranked = []
        for entry in answer.items:
            document = documents[entry.retrieval_rank - 1]
            added = {"relevance_score": entry.score, "rank": entry.rank, **about(answer)}
            ranked.append(document.model_copy(update={"metadata": {**document.metadata, **added}}))
        return ranked


def _as_item(document: Document, place: int) -> Item:
    """The place makes the id, so that equal scores keep the order in which the documents came."""
    known, named = document.metadata.get("item_id"), document.metadata.get("title")
    title = named if isinstance(named, str) and named.strip() else None
    return Item(
        item_id=known if isinstance(known, str) else f"document:{place:06}",
        title=document.page_content if title is None else title,
        domain="documents",
        description=None if title is None else document.page_content,
    )
