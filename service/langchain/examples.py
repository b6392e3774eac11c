"""Other users' choices as examples for LangChain's few-shot prompts."""

from __future__ import annotations

import asyncio
from typing import Any

from anyio.from_thread import BlockingPortal
from langchain_core.example_selectors import BaseExampleSelector

from ranking.recommender import Recommender
from retrieval.types import Demonstration, Query
from service.langchain.wording import query_of


class FewRecExampleSelector(BaseExampleSelector):
    """What users like this one chose next, chosen anew for each request and never from this user's own past.

    Takes the input variables "user_id" and "query", both optional; gives as many examples as the setting
    examples.shots, nearest first, each with "history" (titles, one a line, oldest first) and "chosen" (a title).
    Titles are untrusted text: put them into a FewShotChatMessagePromptTemplate, which leaves them alone;
    FewShotPromptTemplate would read braces in them as variables. Raises what Retriever.retrieve raises.
    """

    def __init__(self, recommender: Recommender, portal: BlockingPortal, asking: Query) -> None:
        self._recommender = recommender
        self._portal = portal
        self._asking = asking

    def add_example(self, example: dict[str, str]) -> Any:  # noqa: ARG002 - LangChain's name for it
        """Always raises TypeError."""
        raise TypeError("examples are interactions: add them with an import or through the record")

    def select_examples(self, input_variables: dict[str, Any]) -> list[dict[str, str]]:
        """The examples for these input variables."""
        return self._portal.call(self._selected, input_variables)

    async def aselect_examples(self, input_variables: dict[str, Any]) -> list[dict[str, str]]:
        """The examples for these input variables."""
        return await self._portal.call_async(self._selected, input_variables)

    async def _selected(self, input_variables: dict[str, Any]) -> list[dict[str, str]]:
        query = query_of(self._asking, input_variables.get("query") or "", input_variables.get("user_id"))
        # Without candidates: a choice is a good example here even if it is an item that could be recommended.
        retrieved = await asyncio.to_thread(self._recommender.retriever.describe, query, [])
        context = await asyncio.to_thread(self._recommender.context_of, retrieved)
        return [_in_words(one) for one in context.demonstrations]


def _in_words(one: Demonstration) -> dict[str, str]:
    return {"history": "\n".join(past.item.title for past in one.history), "chosen": one.chosen.title}
