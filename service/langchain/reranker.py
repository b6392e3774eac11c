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
from retrieval.types import Item, Query, Retrieved
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
        retrieved = await asyncio.to_thread(self._described, documents, query_of(self.asking, text, user_id))
        answer = await self.recommender.rank(retrieved, self.top_n)
        ranked = []
        for entry in answer.items:
            document = documents[entry.retrieval_rank - 1]
            added = {"relevance_score": entry.score, "rank": entry.rank, **about(answer)}
            ranked.append(document.model_copy(update={"metadata": {**document.metadata, **added}}))
        return ranked

    def _described(self, documents: Sequence[Document], query: Query) -> Retrieved:
        named = [str(document.metadata.get("item_id")) for document in documents]
        known = self.recommender.retriever.known(named)
        # Else the place is the id, so that equal scores keep the order in which the documents came.
        items = [
            _as_item(document, item_id if item_id in known else f"document:{place:06}")
            for place, (document, item_id) in enumerate(zip(documents, named, strict=True), start=1)
        ]
        return self.recommender.retriever.describe_items(query, items)


def _as_item(document: Document, item_id: str) -> Item:
    """The document's words; where the id is a store item's, that item takes its place."""
    named = document.metadata.get("title")
    title = named if isinstance(named, str) and named.strip() else None
    return Item(
        item_id=item_id,
        title=document.page_content if title is None else title,
        domain="documents",
        description=None if title is None else document.page_content,
    )
