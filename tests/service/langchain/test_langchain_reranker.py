from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.runnables import Runnable, RunnableLambda

from retrieval.errors import NotFoundError
from retrieval.types import Query
from service.langchain import Doors
from tests.service.langchain.open_shop import FakeWriter

DOCUMENTS = [
    Document(page_content="Film 2 about a lake", metadata={"page": 1}),
    Document(page_content="A very long text about laughing.", metadata={"title": "Film 9 Horror Horror"}, id="own"),
    Document(page_content="whatever", metadata={"item_id": "f03"}),
]


def test_documents_come_back_as_they_were_with_their_place(doors: Doors) -> None:
    ranked = doors.reranker(Query(user_id="ann")).compress_documents(DOCUMENTS, "horror")
    assert sorted(one.page_content for one in ranked) == sorted(one.page_content for one in DOCUMENTS)
    assert [one.metadata["rank"] for one in ranked] == [1, 2, 3]
    scores = [one.metadata["relevance_score"] for one in ranked]
    assert scores == sorted(scores, reverse=True)
    titled = next(one for one in ranked if one.id == "own")
    assert titled.metadata["title"] == "Film 9 Horror Horror"
    assert titled.metadata["ranked_by"] == "llm"
    assert all("rank" not in one.metadata for one in DOCUMENTS)


def test_words_decide_where_nothing_is_known_of_the_user(doors: Doors) -> None:
    texts = ["a drama in a kitchen", "a comedy on a train", "horror in a lake house"]
    ranked = doors.reranker(top_n=1).compress_documents([Document(page_content=text) for text in texts], "comedy train")
    assert [one.page_content for one in ranked] == ["a comedy on a train"]


def test_an_item_of_the_store_is_ranked_as_that_item(doors: Doors, writer: FakeWriter) -> None:
    doors.reranker(Query(user_id="ann")).compress_documents(DOCUMENTS[2:], "")
    assert [prompt.branches for prompt in writer.prompts] == [(" Film 3 Horror",)]


def test_an_item_id_of_somebody_elses_is_no_item_of_ours(doors: Doors, writer: FakeWriter) -> None:
    parts = [Document(page_content=text, metadata={"item_id": "their-7"}) for text in ("a comedy", "a horror")]
    odd = Document(page_content="numbered", metadata={"item_id": ["f03"]})
    ranked = doors.reranker().compress_documents([*parts, odd], "horror")
    assert ranked[0].page_content == "a horror"
    assert [prompt.branches for prompt in writer.prompts] == [(" a comedy", " a horror", " numbered")]


def test_as_a_step_of_a_chain_it_takes_the_user_with_the_call(doors: Doors) -> None:
    step = doors.reranker(top_n=2).runnable()
    given: dict[str, Any] = {"documents": DOCUMENTS, "user_id": "ann"}
    before: Runnable[None, dict[str, Any]] = RunnableLambda(lambda _: given)
    chain = before | step
    found = chain.invoke(None)
    assert len(found) == 2
    again = asyncio.run(chain.ainvoke(None))
    assert [one.page_content for one in again] == [one.page_content for one in found]
    with pytest.raises(NotFoundError):
        step.invoke({**given, "user_id": "nobody"})
    with pytest.raises(KeyError, match="documents"):
        step.invoke({"query": "horror"})


def test_few_documents_or_none(doors: Doors) -> None:
    reranker = doors.reranker(Query(user_id="ann"))
    assert asyncio.run(reranker.acompress_documents([], "horror")) == []
    [alone] = reranker.compress_documents(DOCUMENTS[:1], "")
    assert (alone.metadata["rank"], alone.metadata["page"]) == (1, 1)


def test_equals_keep_their_order(doors: Doors) -> None:
    same = [Document(page_content="the same", metadata={"at": at}) for at in range(12)]
    assert [one.metadata["at"] for one in doors.reranker().compress_documents(same, "horror")] == list(range(12))
