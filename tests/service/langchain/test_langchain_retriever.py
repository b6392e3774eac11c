from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda
from langchain_tests.integration_tests import RetrieversIntegrationTests

from retrieval.errors import InputError, NotFoundError
from retrieval.filters import Equals
from retrieval.types import Query
from service.langchain import Doors, FewRecRetriever


class TestStandard(RetrieversIntegrationTests):
    """LangChain's own suite for retrievers."""

    @pytest.fixture(autouse=True)
    def _open(self, doors: Doors) -> None:
        self._doors = doors

    @property
    def retriever_constructor(self) -> type[FewRecRetriever]:
        return FewRecRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {
            "recommender": self._doors.recommender,
            "portal": self._doors.portal,
            "asking": Query(user_id="ann"),
        }

    @property
    def retriever_query_example(self) -> str:
        return "a comedy"


def ids(documents: list[Document]) -> list[str | None]:
    return [document.id for document in documents]


def test_documents_tell_what_the_http_answer_tells(doors: Doors) -> None:
    retriever = doors.retriever(Query(user_id="ann"), k=3, explain=True)
    first, *_ = found = retriever.invoke("")
    assert first.page_content.splitlines()[0] == first.metadata["title"]
    assert [one.metadata["rank"] for one in found] == [1, 2, 3]
    assert first.id == first.metadata["item_id"]
    assert first.metadata["ranked_by"] == "llm"
    assert first.metadata["notes"] == ["1 texts held control tokens or characters, which were made harmless."]
    assert {source["name"] for source in first.metadata["sources"]} >= {"similarity_max", "popularity"}
    assert first.metadata["reason"]["text"]
    scores = [one.metadata["score"] for one in found]
    assert scores == sorted(scores, reverse=True)
    assert len({one.metadata["request_id"] for one in found}) == 1


def test_a_call_may_name_its_user_and_the_standing_query_holds(doors: Doors) -> None:
    comedies = Query(filters=(Equals(attribute="genres", value="Comedy"),))
    found = doors.retriever(comedies, k=4).invoke("", user_id="cid")
    assert all(one.metadata["attributes"]["genres"] == ["Comedy"] for one in found)
    assert not {"f01", "f04", "f07", "f10"} & set(ids(found))


def test_the_same_comes_back_however_it_is_asked(doors: Doors) -> None:
    retriever = doors.retriever(Query(user_id="ann"), k=5)
    expected = ids(retriever.invoke("horror"))

    async def from_a_loop() -> list[list[str | None]]:
        inside = retriever.invoke("horror")  # a synchronous call in a running loop, as in a notebook
        return [ids(inside), *(ids(one) for one in await asyncio.gather(*[retriever.ainvoke("horror")] * 3))]

    assert asyncio.run(from_a_loop()) == [expected] * 4
    assert [ids(one) for one in retriever.batch(["horror"] * 3)] == [expected] * 3
    chain = retriever | RunnableLambda(ids)
    assert chain.invoke("horror") == expected


def test_errors_come_through(doors: Doors) -> None:
    retriever = doors.retriever(Query(user_id="ann"))
    with pytest.raises(NotFoundError, match="no user 'nobody'"):
        retriever.invoke("", user_id="nobody")
    with pytest.raises(InputError, match="at least 1"):
        retriever.invoke("", k=0)


def test_a_call_that_is_given_up_ends(doors: Doors) -> None:
    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(doors.retriever(Query(user_id="ann")).ainvoke("horror"), 0.0)

    asyncio.run(give_up())
    assert doors.retriever(Query(user_id="ann"), k=1).invoke("horror")
