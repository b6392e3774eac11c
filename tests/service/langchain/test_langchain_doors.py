from __future__ import annotations

import os

import pytest
from langsmith import tracing_context

import service.langchain
from ranking.errors import ConfigError
from ranking.settings import load_settings
from service.langchain import Doors, open_doors


def test_tracing_that_stays_on_is_refused_before_anything_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    with (
        tracing_context(enabled=True),
        pytest.raises(ConfigError, match="would send users' histories away"),
        open_doors(load_settings()),
    ):
        pass
    assert os.environ["LANGSMITH_TRACING"] == "false"


def test_a_closed_door_says_so(doors: Doors) -> None:
    from anyio.from_thread import start_blocking_portal

    with start_blocking_portal() as portal:
        closed = Doors(recommender=doors.recommender, portal=portal).retriever()
    with pytest.raises(RuntimeError, match="not running"):
        closed.invoke("horror")


def test_all_that_is_promised_is_there() -> None:
    assert sorted(service.langchain.__all__) == service.langchain.__all__
    assert all(hasattr(service.langchain, name) for name in service.langchain.__all__)
