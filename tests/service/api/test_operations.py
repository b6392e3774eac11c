"""The service as its operator sees it: a real server whose engine fails, hangs, is slow and recovers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from structlog.testing import capture_logs

from prompts.template import load_template
from ranking import protocol
from ranking.engine_settings import VllmSettings
from ranking.engines.vllm import VllmEngine
from ranking.errors import EngineBusyError, ServerDownError
from ranking.ladder import Ladder
from ranking.recommender import Recommender
from ranking.settings import LadderSettings, ModelSettings, TracingSettings, load_settings
from ranking.strategies.likelihood import Likelihood
from ranking.types import EngineLoad
from retrieval.examples import ExampleSelector
from retrieval.retriever import Retriever
from retrieval.store import open_store
from service.api.app import create_app
from service.metrics import Metrics
from service.serving import Serving, answered
from service.tracing import discreet, open_tracing
from tests.fakes import HashingEmbedder
from tests.ranking.fake_vllm import MODEL, FakeVllmApi
from tests.ranking.flaky_engine import FlakyEngine
from tests.ranking.misbehaving_server import Reply, misbehaving
from tests.ranking.tiny_model import save_tiny_model
from tests.service.api.real_server import running, until
from tests.service.api.shop import fill

ANN = {"user_id": "ann", "n": 3}


class Engine(FlakyEngine):
    """FAKE engine that says how busy it is."""

    def load(self) -> EngineLoad:
        return EngineLoad(waiting=2, prefix_tokens=100, cached_tokens=40)


@contextmanager
def open_shop(home: Path, engine: protocol.Engine, ladder: LadderSettings) -> Iterator[Serving]:
    settings, metrics = load_settings(), Metrics()
    with (
        open_store(home=home, record_url=None, index_url=None, embedder=HashingEmbedder()) as store,
        Ladder(ladder) as steps,
    ):
        fill(store)
        store.catch_up()
        recommender = Recommender(
            retriever=Retriever(store.record, store.index, store.embedder, settings.retrieval),
            examples=ExampleSelector(store.record, store.index, settings.examples),
            engine=engine,
            strategy=Likelihood(engine, load_template("likelihood", "en"), 512, settings.likelihood),
            fusion=settings.fusion,
            n_candidates=settings.retrieval.n_candidates,
            ladder=steps,
            watch=partial(answered, metrics),
        )
        yield Serving(
            store=store,
            load=lambda _: nullcontext(recommender),
            current=lambda: None,
            stamp=lambda: None,
            metrics=metrics,
        )


@contextmanager
def served(home: Path, engine: protocol.Engine, **ladder: Any) -> Iterator[httpx.Client]:
    opened = partial(open_shop, home, engine, LadderSettings(breaker_rest_s=0.3, **ladder))
    with running(create_app(opened)) as client:
        yield client


def ask_together(client: httpx.Client, times: int) -> list[dict[str, Any]]:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.post("/v1/recommend", json=ANN), range(times)))
    assert {answer.status_code for answer in answers} == {200}
    return [answer.json() for answer in answers]


def test_only_lists_come_under_load_while_the_engine_fails_and_it_recovers_by_itself(tmp_path: Path) -> None:
    engine = Engine()
    with served(tmp_path, engine, deadline_s=5.0) as client:
        assert {answer["rung"] for answer in ask_together(client, 16)} == {"full"}

        engine.error = ServerDownError("no connection to http://inside:1")
        down = ask_together(client, 40)
        assert {(answer["rung"], answer["degraded"]) for answer in down} == {("retrieval", True)}
        assert {answer["reason"] for answer in down} == {"engine", "breaker"}
        assert all(len(answer["items"]) == 3 and answer["model"] is None for answer in down)
        assert len([answer for answer in down if answer["reason"] == "breaker"]) > 10
        assert "inside" not in str(down)
        health = client.get("/health/ready")
        assert (health.status_code, health.json()["status"]) == (200, "degraded: scripted")
        assert health.json()["engine_breaker"] in {"open", "half-open"}

        engine.error, engine.seconds = None, 30.0
        hanging = ask_together(client, 16)
        assert {answer["reason"] for answer in hanging} <= {"deadline", "breaker"}

        engine.seconds = 0.0
        until(lambda: client.post("/v1/recommend", json=ANN).json()["rung"] == "full")
        assert client.get("/health/ready").json() == {"status": "ready: scripted"}
        assert client.get("/health/live").json() == {"status": "alive"}
        counted = client.get("/metrics").text
    assert 'fewrec_answers_total{reason="breaker",rung="retrieval"}' in counted
    assert 'fewrec_stage_seconds_count{stage="llm"}' in counted
    assert 'fewrec_breaker{of="engine",state="closed"} 1.0' in counted
    assert 'fewrec_prefix_tokens_total{source="cache"} 40.0' in counted
    assert "fewrec_engine_waiting 2.0" in counted
    assert 'fewrec_request_seconds_count{method="POST",route="/v1/recommend",status="200"}' in counted


def test_a_vllm_server_that_is_killed_under_load_costs_no_answer_and_is_found_again(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / MODEL)
    api = FakeVllmApi(cards=[{"id": str(folder), "max_model_len": 1024}])
    with ExitStack() as stack:
        first = stack.enter_context(misbehaving(api))
        settings = VllmSettings(url=first.url, retries=0)
        engine = stack.enter_context(closing(VllmEngine(ModelSettings(name=str(folder)), settings, tmp_path)))
        client = stack.enter_context(served(tmp_path / "home", engine, deadline_s=10.0))
        assert {answer["rung"] for answer in ask_together(client, 8)} == {"full"}

        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(ask_together, client, 60)
            first.behave = lambda _: Reply(hang_up=True)
            first.close()
            during = asked.result()
        down = [answer for answer in during if answer["degraded"]]
        assert down
        assert {answer["rung"] for answer in down} == {"retrieval"}
        assert {answer["reason"] for answer in down} <= {"engine", "breaker"}
        assert all(len(answer["items"]) == 3 for answer in during)

        stack.enter_context(misbehaving(api, int(first.url.rpartition(":")[2])))
        until(lambda: client.post("/v1/recommend", json=ANN).json()["rung"] == "full")
        assert "engine_breaker" not in client.get("/health/ready").json()


def test_a_client_that_leaves_takes_its_question_along(tmp_path: Path) -> None:
    engine = Engine()
    with served(tmp_path, engine, deadline_s=30.0) as client:
        engine.seconds = 30.0
        with pytest.raises(httpx.ReadTimeout):
            client.post("/v1/recommend", json=ANN, timeout=0.5)
        until(lambda: engine.cancelled == 1)
        engine.seconds = 0.0
        assert client.post("/v1/recommend", json=ANN).json()["rung"] == "full"
        until(lambda: 'status="499"} 1.0' in client.get("/metrics").text)


def test_a_full_queue_refuses_where_that_is_the_setting(tmp_path: Path) -> None:
    engine = Engine()
    with served(tmp_path, engine, when_busy="refuse") as client:
        engine.error = EngineBusyError("64 calls wait", retry_after_s=7)
        answer = client.post("/v1/recommend", json=ANN)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
        assert 'fewrec_rejected_total{status="503"} 1.0' in client.get("/metrics").text


def test_it_is_not_ready_before_the_model_is_warm_and_is_once_it_cannot_be(tmp_path: Path) -> None:
    engine = Engine()
    engine.seconds = 1.0
    opened = partial(open_shop, tmp_path, engine, LadderSettings())
    with TestClient(create_app(opened)) as client:
        cold = client.get("/health/ready")
        assert (cold.status_code, cold.json()) == (
            503,
            {"title": "Refused", "status": 503, "detail": "The model is not warm yet; try again."},
        )
        engine.error = ServerDownError("no connection")
        until(lambda: client.get("/health/ready").status_code == 200)
    with capture_logs() as logged, TestClient(create_app(opened)) as client:
        until(lambda: client.get("/health/ready").status_code == 200)
    assert "ServerDownError" in [entry.get("error") for entry in logged]


def test_logs_and_traces_name_requests_and_routes_and_hold_nobodys_words_or_ids(tmp_path: Path) -> None:
    spans = InMemorySpanExporter()
    opened = partial(open_shop, tmp_path, Engine(), LadderSettings())
    app = create_app(opened, tracer_provider=discreet(SimpleSpanProcessor(spans)))
    with TestClient(app) as client, capture_logs() as logged:
        first = client.post("/v1/recommend", json={**ANN, "query": "secret words"})
        client.get("/v1/users/secret-user", params={"also": "secret"})
        client.get("/secret")
    assert len(first.headers["x-request-id"]) == 32
    requests = [entry for entry in logged if entry["event"] == "request"]
    assert [(entry["route"], entry["status"]) for entry in requests] == [
        ("/v1/recommend", 200),
        ("/v1/users/{user_id}", 404),
        ("unknown", 404),
    ]
    assert [(entry["rung"], entry["answer"]) for entry in requests] == [
        ("full", first.json()["request_id"]),
        (None, None),
        (None, None),
    ]
    seen = spans.get_finished_spans()
    assert [span.name for span in seen] == ["POST /v1/recommend", "GET /v1/users/{user_id}", "GET"]
    assert seen[0].attributes is not None
    assert seen[0].attributes["fewrec.rung"] == "full"
    assert "secret" not in "".join(span.to_json() for span in seen) + str(logged)
    assert "ann" not in str(logged)


def test_nothing_is_traced_without_an_address() -> None:
    assert open_tracing(TracingSettings()) is None
    provider = open_tracing(TracingSettings(endpoint="http://127.0.0.1:9"))
    assert provider is not None
    provider.shutdown()
