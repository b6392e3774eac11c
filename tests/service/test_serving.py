"""A promotion while the service runs: nothing is mixed, nothing breaks off, and what fails leaves the old one."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient
from structlog.testing import capture_logs

from prompts.types import Prompt
from ranking.engines.scripted import ScriptedEngine
from ranking.errors import ModelError
from ranking.factory import as_promoted, choose_template, compose, promotion_for
from ranking.recommender import Recommender
from ranking.registry import AdapterRegistry, Evidence, Promotion
from ranking.settings import Settings, load_settings
from ranking.tuning.adapter import read_adapter
from ranking.types import EngineInfo, PromptScores
from retrieval.record import Record
from retrieval.store import Store, open_store
from retrieval.types import Interaction, Item, Query, User
from service.api.app import create_app
from service.serving import Serving, open_serving
from tests.fakes import HashingEmbedder
from tests.ranking.made_adapter import make_adapter
from tests.ranking.tiny_model import save_tiny_model
from tests.ranking.tuning.lists import tune_tiny

EVIDENCE = Evidence(run="store", data="d" * 64, metric="ndcg@10", n=1, differences=())


class Engine(ScriptedEngine):
    """Names its adapter, and can be held up while it scores."""

    def __init__(self, adapter: str | None) -> None:
        super().__init__(lambda _prompt, branch: float(len(branch)))
        self.adapter = adapter
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.closed = False

    @property
    def info(self) -> EngineInfo:
        return dataclasses.replace(super().info, adapter=self.adapter)

    async def score(self, prompts: Sequence[Prompt]) -> list[PromptScores]:
        assert not self.closed
        self.reached.set()
        await self.go_on.wait()
        assert not self.closed
        return await super().score(prompts)


class Shop:
    """A store, its settings, and the engines that were opened over it, by label."""

    def __init__(self, store: Store, settings: Settings, folder: Path) -> None:
        self.store, self.settings, self.folder = store, settings, folder
        self.engines: list[Engine] = []
        self.registry = AdapterRegistry(settings.home)

    @contextmanager
    def load(self, promotion: Promotion | None) -> Iterator[Recommender]:
        settings = as_promoted(self.settings, promotion)
        label = None if settings.model.adapter is None else read_adapter(settings.model.adapter).manifest.label
        engine = Engine(label)
        self.engines.append(engine)
        yield compose(settings, self.store, engine, choose_template(settings))
        engine.closed = True

    def serving(self) -> Serving:
        return Serving(
            store=self.store,
            load=self.load,
            current=lambda: promotion_for(self.settings),
            stamp=self.registry.stamp,
        )

    def promote(self, name: str) -> str:
        adapter = make_adapter(self.folder / name, name.encode())
        model, now = self.settings.model.name, self.registry.current()
        return self.registry.promote(adapter, model=model, evidence=EVIDENCE, over=now).label


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    settings = load_settings(strategy="likelihood")  # the shipped adapter serves yes-no only
    with open_store(home=settings.home, record_url=None, index_url=None, embedder=HashingEmbedder()) as store:
        store.record.put_items([Item(item_id=f"i{n}", title=f"Item {n}") for n in range(5)])
        store.record.put_users([User(user_id="ann")])
        store.record.put_interactions([Interaction(user_id="ann", item_id="i0", timestamp=1.0)])
        store.catch_up()
        yield Shop(store, settings, tmp_path)


@asynccontextmanager
async def running(shop: Shop, serving: Serving) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(shop.serving)
    app.state.serving = serving
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://shop") as client:
        yield client
    await serving.settled()
    serving.close()


async def answered_by(client: httpx.AsyncClient) -> str | None:
    answer = await client.post("/v1/recommend", json={"user_id": "ann", "n": 2})
    assert answer.status_code == 200
    adapter: str | None = answer.json()["model"]["adapter"]
    return adapter


async def test_a_promotion_is_taken_up_and_a_request_under_way_keeps_what_it_began_with(shop: Shop) -> None:
    async with running(shop, serving := shop.serving()) as client:
        assert await answered_by(client) is None
        [old] = shop.engines
        old.reached.clear()
        old.go_on.clear()
        under_way = asyncio.create_task(answered_by(client))
        await old.reached.wait()

        first = shop.promote("first")
        assert (await client.get("/health/ready")).json() == {"status": "ready: scripted"}
        await serving.settled()

        assert await answered_by(client) == first
        assert not old.closed
        old.go_on.set()
        assert await under_way is None
        assert old.closed

        second = shop.promote("second")
        await answered_by(client)
        await serving.settled()
        assert await answered_by(client) == second
        assert shop.engines[1].closed

        shop.registry.rollback()
        serving.look()
        await serving.settled()
        assert await answered_by(client) == first
    assert all(engine.closed for engine in shop.engines)


async def test_an_adapter_that_cannot_be_loaded_leaves_the_old_one_and_health_says_so(shop: Shop) -> None:
    async with running(shop, serving := shop.serving()) as client:
        label = shop.promote("first")
        (shop.registry.find(label).folder / "adapter_model.safetensors").write_bytes(b"cut")
        with capture_logs() as logged:
            assert await answered_by(client) is None
            await serving.settled()
        assert ["has 3 bytes" in entry["error"] for entry in logged if entry["log_level"] == "error"] == [True]
        assert await answered_by(client) is None
        health = (await client.get("/health/ready")).json()
        assert health["status"] == "ready: scripted"
        assert health["problem"].startswith("The adapter that was promoted last does not serve; the log ")
        assert "bytes" not in health["problem"]
        assert "adapter" not in health

        second = shop.promote("second")
        serving.look()
        await serving.settled()
        assert (await client.get("/health/ready")).json() == {"status": "ready: scripted", "adapter": second}


async def test_nothing_is_loaded_while_the_history_stays_as_it_is(shop: Shop) -> None:
    shop.promote("first")
    async with running(shop, serving := shop.serving()) as client:
        for _ in range(3):
            await answered_by(client)
        await serving.settled()
    assert len(shop.engines) == 1


def test_the_server_starts_with_what_is_promoted_and_not_with_a_damaged_one(shop: Shop) -> None:
    label = shop.promote("first")

    @contextmanager
    def opened() -> Iterator[Serving]:
        with shop.serving() as serving:
            yield serving

    with TestClient(create_app(opened)) as client:
        assert client.get("/health/ready").json()["adapter"] == label
    assert shop.engines[0].closed
    (shop.registry.find(label).folder / "adapter_model.safetensors").unlink()
    with pytest.raises(ModelError, match="is missing"), TestClient(create_app(opened)):
        pass


@pytest.mark.model
async def test_the_real_parts_take_a_promotion_up(tmp_path: Path) -> None:
    tiny = save_tiny_model(tmp_path / "tiny")
    tune_tiny(tiny, tmp_path / "tuned", epochs=1)
    settings = load_settings(model={"name": str(tiny), "device": "cpu", "dtype": "float32"})
    record = Record.open(str(settings.home / "record.db"))
    record.put_items([Item(item_id=f"i{n}", title=f"Item {n}") for n in range(5)])
    record.put_users([User(user_id="ann")])
    record.put_interactions([Interaction(user_id="ann", item_id="i0", timestamp=1.0)])
    record.close()
    opened = open_serving(settings)
    serving = await asyncio.to_thread(opened.__enter__)
    async with serving.use() as zero_shot:
        AdapterRegistry(settings.home).promote(
            adapter := read_adapter(tmp_path / "tuned"), model=str(tiny), evidence=EVIDENCE, over=None
        )
        serving.look()
        await serving.settled()
        assert serving.problem is None
        answer = await zero_shot.recommend(Query(user_id="ann"), 2)
        assert answer.engine is not None
        assert answer.engine.adapter is None
    async with serving.use() as promoted:
        answer = await promoted.recommend(Query(user_id="ann"), 2)
    assert answer.engine is not None
    assert answer.engine.adapter == adapter.manifest.label
    assert (answer.strategy, answer.template and answer.template.name) == ("yes-no", "sequential")
    opened.__exit__(None, None, None)
