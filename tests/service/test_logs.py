"""What the service writes to stderr: JSON, one object a line, whoever wrote it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import structlog
from fastapi.testclient import TestClient

from service.api.app import create_app
from service.cli.logs import log_json_to_stderr
from tests.service.api.shop import open_shop


@pytest.fixture
def own_root() -> Iterator[None]:
    """Loggers as in a new process, whatever a server of another test has made of them."""
    loggers = [logging.getLogger(name) for name in (None, "uvicorn", "uvicorn.error")]
    before = [(logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    for logger in loggers[1:]:
        logger.handlers.clear()
        logger.setLevel(logging.NOTSET)
        logger.propagate = True
    yield
    for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
        logger.handlers[:] = handlers
        logger.setLevel(level)
        logger.propagate = propagate


@pytest.mark.usefixtures("own_root")
def test_every_request_is_a_line_of_json_without_words_or_ids(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log_json_to_stderr(debug=False)
    with TestClient(create_app(partial(open_shop, tmp_path))) as client:
        answer = client.post("/v1/recommend", json={"user_id": "ann", "query": "secret words"})
        client.get("/v1/users/secret-user")
    written = capsys.readouterr().err
    first, second = (json.loads(line) for line in written.splitlines())
    assert first.pop("timestamp").endswith("Z")
    assert first.pop("milliseconds") > 0
    assert first == {
        "event": "request",
        "level": "info",
        "request_id": answer.headers["x-request-id"],
        "method": "POST",
        "route": "/v1/recommend",
        "status": 200,
        "answer": answer.json()["request_id"],
        "rung": "full",
        "reason": None,
        "items": 7,
    }
    assert (second["route"], second["status"], second["rung"]) == ("/v1/users/{user_id}", 404, None)
    assert "secret" not in written
    assert "ann" not in written


@pytest.mark.usefixtures("own_root")
def test_the_libraries_lines_and_errors_are_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    log_json_to_stderr(debug=False)
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
    logging.getLogger("chromadb").info("not told")
    try:
        raise ValueError("in two\nlines")
    except ValueError:
        structlog.get_logger().exception("failed")
        logging.getLogger("uvicorn.error").exception("failed too")
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in told] == ["Invalid HTTP request received.", "failed", "failed too"]
    assert [line["level"] for line in told] == ["warning", "error", "error"]
    assert all("ValueError: in two" in line["exception"] for line in told[1:])
