"""Recommended items as LangChain documents."""

from __future__ import annotations

from anyio.from_thread import BlockingPortal
from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import Field, InstanceOf

from ranking.recommender import Recommender
from retrieval.catch_up import item_text
from retrieval.types import Query
from service.langchain.wording import about, query_of
from service.schemas import RecommendationOut


class FewRecRetriever(BaseRetriever):
    """Recommended items as documents, best first; the text asked for may be empty.

    A document's content is the item's text, its id the item's; its metadata are the item of the HTTP answer (`score`,
    `sources`, `signals`, `reason` and the rest) with `request_id`, `ranked_by` and `notes` of the whole answer. Raises
    what Recommender.recommend raises.
    """

    recommender: InstanceOf[Recommender]
    portal: InstanceOf[BlockingPortal]
    """Where the recommender runs; see service.langchain.doors."""
    asking: InstanceOf[Query] = Query()
    """What every call asks for beside its text: the user, filters, a domain, items to leave out."""
    k: int = Field(default=10, ge=1)
    explain: bool = False
    """Measure for each item which past items moved it up and say so in `reason`: the model is asked once more for each
    past item shown."""

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002 - LangChain's name for it
        user_id: str | None = None,
        k: int | None = None,
    ) -> list[Document]:
        """The `user_id` and `k` of a call win over the retriever's own."""
        return self.portal.call(self._recommended, query, user_id, k)

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,  # noqa: ARG002 - LangChain's name for it
        user_id: str | None = None,
        k: int | None = None,
    ) -> list[Document]:
        return await self.portal.call_async(self._recommended, query, user_id, k)

    async def _recommended(self, text: str, user_id: str | None, k: int | None) -> list[Document]:
        query = query_of(self.asking, text, user_id)
        answer = await self.recommender.recommend(query, self.k if k is None else k, explain=self.explain)
        shown = RecommendationOut.of(answer).items
        return [
            Document(
                id=ranked.item.item_id,
                page_content=item_text(ranked.item),
                metadata={**out.model_dump(mode="json"), **about(answer)},
            )
            for ranked, out in zip(answer.items, shown, strict=True)
        ]
