"""The application as a whole: refusals, limits, health and the interface description."""

from __future__ import annotations

import logging

import pytest
from fastapi.testclient import TestClient
from structlog.testing import capture_logs

from prompts.errors import PromptError
from ranking.errors import RankingError
from retrieval.errors import RetrievalError
from service.api.limits import MAX_BODY_BYTES
from service.api.openai.errors import of_openai
from service.api.problems import MEDIA_TYPE, STATUS


def test_recommendations_have_the_shape_of_the_command_line(client: TestClient) -> None:
    answer = client.post("/v1/recommend", json={"user_id": "ann", "n": 3, "exclude": ["i1"], "explain": True})
    assert answer.status_code == 200
    body = answer.json()
    assert len(body["items"]) == 3
    assert not {"i0", "i1"} & {item["item_id"] for item in body["items"]}
    assert body["ranked_by"] == "llm"
    assert body["model"]["engine"] == "scripted"


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"user_id": "nobody"}, 404, "no user 'nobody'"),
        ({"user_id": "ann", "n": 0}, 422, "greater than or equal to 1"),
        ({"user_id": "ann", "model": "/etc/passwd"}, 422, "Extra inputs"),
        ({"user_id": "ann", "filters": ["year"]}, 400, "not a condition"),
        ({"user_id": "ann", "filters": ["colour=red"]}, 400, "no item has an attribute 'colour'"),
    ],
)
def test_refusals_are_problems(client: TestClient, body: dict[str, object], status: int, told: str) -> None:
    answer = client.post("/v1/recommend", json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert told in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/v1/recommend", "/v1/prompt", "/v1/chat"])
def test_a_guess_at_a_user_is_told_nobody_elses_id(client: TestClient, path: str) -> None:
    said = {"message": "films"} if path == "/v1/chat" else {}
    answer = client.post(path, json={"user_id": "an", **said})
    assert (answer.status_code, answer.json()["detail"]) == (404, "no user 'an' in the store")


def test_an_unknown_path_and_a_wrong_method_are_problems_too(client: TestClient) -> None:
    assert client.get("/nowhere").headers["content-type"] == MEDIA_TYPE
    answer = client.put("/v1/recommend")
    assert (answer.status_code, answer.headers["content-type"]) == (405, MEDIA_TYPE)
    assert answer.headers["allow"] == "POST"


def test_a_huge_body_is_refused_whether_or_not_it_says_so(client: TestClient) -> None:
    def parts() -> object:
        yield from [b"x" * 65536] * 17

    announced = client.post("/v1/recommend", content=b"x" * (MAX_BODY_BYTES + 1))
    silent = client.post("/v1/recommend", content=parts())  # type: ignore[arg-type]
    for answer in (announced, silent):
        assert (answer.status_code, answer.headers["content-type"]) == (413, MEDIA_TYPE)


@pytest.mark.parametrize(
    "content",
    [
        b'{"user_id": ' + b"[" * 100_000,
        b'{"user_id": "\\ud800"}',
        b'{"user_id": "a\\u0000b"}',
        b'{"query": "\\ud800"}',
        b'{"query": "a\\u0000"}',
        b'{"filters": ["year=\\ud800"]}',
        b'{"exclude": ["\\udfff"]}',
        b"\xff\xfe",
        b'{"n": 1e400}',
        b'{"n": NaN}',
        b"null",
        b"",
    ],
)
def test_bodies_that_make_no_sense_are_refused(client: TestClient, content: bytes) -> None:
    answer = client.post("/v1/recommend", content=content, headers={"content-type": "application/json"})
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == MEDIA_TYPE


def test_what_nobody_expected_tells_nothing(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    @client.app.get("/v1/broken/{user_id}")  # type: ignore[attr-defined,untyped-decorator]
    async def broken(user_id: str) -> None:
        raise RuntimeError(f"the secret of {user_id}")

    with capture_logs() as logged, caplog.at_level(logging.DEBUG):
        answer = client.get("/v1/broken/erika")
    assert (answer.status_code, answer.headers["content-type"]) == (500, MEDIA_TYPE)
    assert "erika" not in answer.text
    failed = [(entry["error"], entry["path"]) for entry in logged if entry["log_level"] == "error"]
    assert failed == [("RuntimeError", "/v1/broken/{user_id}")]
    assert "secret" not in f"{logged}{caplog.text}"


def test_every_error_of_the_stages_has_a_status() -> None:
    def below(kind: type[Exception]) -> set[type[Exception]]:
        return {kind}.union(*(below(one) for one in kind.__subclasses__()))

    ours = {kind for base in (RetrievalError, PromptError, RankingError) for kind in below(base)}
    ours = {kind for kind in ours if kind.__module__.endswith(".errors") and "evaluation" not in kind.__module__}
    assert ours <= set(STATUS)


def test_health(client: TestClient) -> None:
    assert client.get("/health/live").json() == {"status": "alive"}
    assert client.get("/health/ready").json() == {"status": "ready: scripted"}


def test_every_refusal_is_in_the_interface_description(client: TestClient) -> None:
    description = client.get("/openapi.json").json()
    operation = description["paths"]["/v1/recommend"]["post"]
    assert {"200", "400", "404", "409", "413", "422", "500", "503"} <= set(operation["responses"])
    assert "ProblemOut" in description["components"]["schemas"]
    for path, operations in description["paths"].items():
        told_as = "application/json" if of_openai(path) else MEDIA_TYPE
        for operation in operations.values():
            refusals = {status: said for status, said in operation["responses"].items() if status >= "400"}
            assert {"500", "503"} <= set(refusals)
            assert all(set(said["content"]) == {told_as} for said in refusals.values())
