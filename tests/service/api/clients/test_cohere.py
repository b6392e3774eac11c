"""The official Cohere client, and the shape that Jina's users expect."""

from __future__ import annotations

from itertools import pairwise

import cohere
import httpx
import pytest
from cohere.core.api_error import ApiError
from hypothesis import given
from hypothesis import strategies as st

from service.api.rerank import relevance

FILMS = ["A long film about ships", "Ships", "A film about two ships"]


def test_the_first_and_the_second_version_of_the_client(address: str) -> None:
    with cohere.Client("no key", base_url=address) as client:
        old = client.rerank(
            query="ships", documents=[{"text": text} for text in FILMS], model="any", top_n=2, return_documents=True
        )
    with cohere.ClientV2("no key", base_url=address) as second:
        new = second.rerank(query="ships", documents=FILMS, model="any", top_n=2)
    assert [result.index for result in new.results] == [result.index for result in old.results]
    assert len(new.results) == 2
    assert [result.document and result.document.text for result in old.results] == [FILMS[r.index] for r in old.results]
    assert new.id
    assert new.meta
    assert new.meta.tokens
    assert new.meta.tokens.input_tokens


def test_refusals_reach_the_client(address: str) -> None:
    with cohere.ClientV2("no key", base_url=address) as client, pytest.raises(ApiError) as refused:
        client.rerank(query="ships", documents=[], model="any")
    assert refused.value.status_code == 422
    assert "documents" in refused.value.body["detail"]


def test_the_shape_of_jina(address: str) -> None:
    body = {"model": "m", "query": "ships", "documents": [FILMS[0], {"text": FILMS[1], "id": 7}], "truncate": True}
    answer = httpx.post(f"{address}/v1/rerank", json=body, headers={"authorization": "Bearer no-key"}).json()
    assert (answer["model"], answer["object"]) == ("m", "list")
    assert sorted(result["index"] for result in answer["results"]) == [0, 1]
    scores = [result["relevance_score"] for result in answer["results"]]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score < 1 for score in scores)
    assert all("document" not in result for result in answer["results"])
    assert answer["usage"]["total_tokens"] >= answer["usage"]["prompt_tokens"] > 0


def test_a_users_history_is_read(address: str) -> None:
    body = {"query": "ships", "documents": FILMS}
    stranger = httpx.post(f"{address}/v1/rerank", json=body).json()
    ann = httpx.post(f"{address}/v1/rerank", json={**body, "user_id": "ann"}).json()
    assert ann["usage"]["prompt_tokens"] > stranger["usage"]["prompt_tokens"]
    assert httpx.post(f"{address}/v1/rerank", json={**body, "user_id": "nobody"}).status_code == 404


def test_equal_and_empty_documents_keep_their_order_and_cuts_are_told(address: str) -> None:
    body = {"query": "ships", "documents": ["", "same", "same", "x" * 5000, "same"], "top_n": 100}
    answer = httpx.post(f"{address}/v1/rerank", json=body).json()
    order = [result["index"] for result in answer["results"]]
    assert sorted(order) == [0, 1, 2, 3, 4]
    assert [index for index in order if index in {1, 2, 4}] == [1, 2, 4]
    assert any("cut" in warning for warning in answer["meta"]["warnings"])


@given(st.lists(st.floats(-1e6, 1e6), min_size=2))
def test_relevance_rises_with_the_score(scores: list[float]) -> None:
    relevances = [relevance(score) for score in sorted(scores)]
    assert all(0 <= one <= 1 for one in relevances)
    assert all(low <= high for low, high in pairwise(relevances))
