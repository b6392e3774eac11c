"""The official OpenAI client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{address}/v1", api_key="no key", max_retries=0) as client:
        yield client


def user(text: str) -> Any:
    return {"role": "user", "content": text}


def test_models(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["fewrec"]
    assert client.models.retrieve("fewrec").owned_by == "fewrec"
    with pytest.raises(openai.NotFoundError, match="name 'fewrec'"):
        client.models.retrieve("gpt-4o")


def test_a_conversation(client: openai.OpenAI) -> None:
    said: list[Any] = [{"role": "system", "content": "Be brief."}, user("two comedies")]
    first = client.chat.completions.create(model="fewrec", messages=said, user="ann", temperature=0.3, max_tokens=9)
    shown = [item["item"]["item_id"] for item in first.fewrec["items"]]  # type: ignore[attr-defined]
    assert len(shown) == 2
    assert first.choices[0].message.content == first.fewrec["text"]  # type: ignore[attr-defined]
    assert first.choices[0].finish_reason == "stop"
    assert first.usage
    assert first.usage.prompt_tokens > 0
    said += [{"role": "assistant", "content": first.choices[0].message.content}]
    said += [{"role": "user", "content": [{"type": "text", "text": "others please"}]}]
    second = client.chat.completions.create(model="fewrec", messages=said, user="ann")
    again = [item["item"] for item in second.fewrec["items"]]  # type: ignore[attr-defined]
    assert again
    assert not set(shown) & {item["item_id"] for item in again}
    assert all("Comedy" in item["attributes"]["genres"] for item in again)


def test_a_list_can_be_named_in_feedback(client: openai.OpenAI, address: str) -> None:
    reply = client.chat.completions.create(model="fewrec", messages=[user("comedies")], user="ann")
    told: Any = reply.fewrec  # type: ignore[attr-defined]
    body = {"request_id": told["request_id"], "user_id": "ann", "kind": "click"}
    body["item_id"] = told["items"][1]["item"]["item_id"]
    assert httpx.post(f"{address}/v1/feedback", json=body).json()["rank"] == 2


def test_an_agreed_like_is_stored(client: openai.OpenAI, address: str) -> None:
    said: list[Any] = [user("I loved “Film 7”")]
    asked = client.chat.completions.create(model="fewrec", messages=said, user="ann")
    said += [{"role": "assistant", "content": asked.choices[0].message.content}, user("yes")]
    client.chat.completions.create(model="fewrec", messages=said, user="ann")
    assert httpx.get(f"{address}/v1/users/ann/interactions/i7").json()["liked"] is True


def test_a_stream_is_the_reply_in_pieces(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="fewrec", messages=[user("comedies")])
    chunks = list(
        client.chat.completions.create(
            model="fewrec", messages=[user("comedies")], stream=True, stream_options={"include_usage": True}
        )
    )
    told = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert told == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-2].fewrec["items"]  # type: ignore[attr-defined]
    assert chunks[-1].usage == whole.usage
    assert len({chunk.id for chunk in chunks}) == 1


@pytest.mark.parametrize(
    ("options", "kind", "told"),
    [
        ({"model": "gpt-4o"}, openai.NotFoundError, "name 'fewrec'"),
        ({"user": "nobody"}, openai.NotFoundError, "no user 'nobody'"),
        ({"n": 2}, openai.BadRequestError, "n asks for"),
        ({"logprobs": True}, openai.BadRequestError, "logprobs asks for"),
        ({"response_format": {"type": "json_object"}}, openai.BadRequestError, "response_format asks for"),
        ({"tool_choice": "required"}, openai.BadRequestError, "tool_choice asks for"),
        ({"messages": []}, openai.BadRequestError, "messages"),
        ({"messages": [user("x" * 2001)]}, openai.BadRequestError, "too long"),
        ({"messages": [{"role": "assistant", "content": "hello"}]}, openai.BadRequestError, "empty"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]},
            openai.BadRequestError,
            "only text",
        ),
        ({"messages": [user("x" * 2_000_000)]}, openai.APIStatusError, "larger than"),
    ],
)
def test_refusals_have_openais_shape(
    client: openai.OpenAI, options: dict[str, Any], kind: type[openai.APIStatusError], told: str
) -> None:
    asked: dict[str, Any] = {"model": "fewrec", "messages": [user("comedies")], **options}
    for stream in (False, True):
        with pytest.raises(kind, match=told) as refused:
            client.chat.completions.create(**asked, stream=stream)
        assert refused.value.body == {
            "message": refused.value.body["message"],  # type: ignore[index]
            "type": "invalid_request_error",
            "param": None,
            "code": refused.value.code,
        }


def test_a_wrong_method_keeps_its_header_and_other_paths_their_shape(address: str) -> None:
    answer = httpx.get(f"{address}/v1/chat/completions")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert set(answer.json()) == {"error"}
    assert httpx.get(f"{address}/v1/nothing").headers["content-type"] == "application/problem+json"
