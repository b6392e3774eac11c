"""An arm's engine: which one is opened, and that scores of one are never taken for scores of another."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluation.arms.config import LlmArm
from evaluation.arms.digest import arm_digest, engine_identity
from evaluation.arms.open import Engines, open_llm
from evaluation.types import Ranked
from ranking.arrangement.config import ArrangementSettings
from ranking.engine_settings import TransformersSettings
from ranking.errors import ServerDownError
from ranking.settings import Settings, load_settings, merged
from retrieval.store import Store
from tests.evaluation.arms.films import Shelf, case
from tests.ranking.fake_vllm import FakeVllmApi
from tests.ranking.misbehaving_server import MisbehavingServer, misbehaving, nobody_listens
from tests.ranking.tiny_model import save_tiny_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("engines") / "tiny")


@pytest.fixture
def server(folder: Path) -> Iterator[MisbehavingServer]:
    with misbehaving(FakeVllmApi(cards=[{"id": str(folder), "max_model_len": 1024}])) as found:
        yield found


def settings_of(folder: Path, **arm: object) -> Settings:
    chosen = LlmArm.model_validate({"model": str(folder), "strategy": "yes-no", **arm})
    return load_settings(**merged({"cache": folder / "cache"}, chosen.flags()))


def ranked(settings: Settings, store: Store, engines: Engines, shelf: Shelf, last: int = 11) -> Ranked:
    with open_llm("arm", settings, store=store, engines=engines, scores=shelf) as arm:
        return asyncio.run(arm.rank([case(7, 3, last)]))[0]


def test_one_run_compares_engines_and_no_score_passes_from_one_to_the_other(
    folder: Path,
    server: MisbehavingServer,
    store: Store,
) -> None:
    vllm = settings_of(folder, engine={"kind": "vllm", "url": server.url})
    shelf = Shelf()
    with Engines() as engines:
        embedded = ranked(settings_of(folder), store, engines, shelf)
        served = ranked(vllm, store, engines, shelf)
        asked = len(server.requests)
        again = ranked(vllm, store, engines, shelf)
    assert embedded.llm is not None
    assert served.llm is not None
    assert embedded.llm.llm_scores != served.llm.llm_scores
    assert embedded.llm.parameters
    assert served.llm.parameters is None
    assert again.scores == served.scores
    assert len(server.requests) == asked
    assert len(shelf.kept) == 2


def test_a_preview_sends_nothing_to_a_server(folder: Path, server: MisbehavingServer, store: Store) -> None:
    settings = settings_of(folder, engine={"kind": "vllm", "url": server.url})
    with Engines() as engines, open_llm("arm", settings, store=store, engines=engines, scores=Shelf()) as arm:
        asked = len(server.requests)
        preview = asyncio.run(arm.preview(case(7, 3, 11)))
        assert len(server.requests) == asked
        [ranked] = asyncio.run(arm.rank([case(7, 3, 11)]))
    assert preview.seconds is None
    assert (preview.cost.model_calls, preview.cost.questions) == (1, 3)
    assert ranked.llm is not None
    assert preview.cost.prompt_tokens == pytest.approx(ranked.llm.prompt_tokens, rel=0.3), "but for chat markup"


def test_an_arm_whose_server_is_down_says_where_it_should_be(folder: Path, store: Store) -> None:
    url = nobody_listens()
    settings = settings_of(folder, engine={"kind": "vllm", "url": url, "retries": 0})
    with (
        Engines() as engines,
        pytest.raises(ServerDownError, match=url),
        open_llm("arm", settings, store=store, engines=engines, scores=Shelf()),
    ):
        pass


def test_an_arms_digest_knows_the_engine_but_not_how_long_it_is_waited_for(folder: Path) -> None:
    plain = arm_digest(settings_of(folder), None)
    assert plain == arm_digest(settings_of(folder, engine={"kind": "transformers", "batch_wait_ms": 9}), None)
    one, other, patient = (
        arm_digest(settings_of(folder, engine={"kind": "vllm", **more}), None)
        for more in ({}, {"url": "http://127.0.0.1:9"}, {"read_timeout_s": 9})
    )
    assert len({plain, one, other}) == 3
    assert patient == one


def test_the_route_is_part_of_what_an_answer_depends_on() -> None:
    assert engine_identity(TransformersSettings(), None) == {}
    vllm = load_settings(engine={"kind": "vllm"}).engine
    assert engine_identity(vllm, "logprob_token_ids") != engine_identity(vllm, "generative_scoring")


def test_the_shops_rules_are_no_part_of_the_ranking_that_is_measured(folder: Path, store: Store) -> None:
    plain = settings_of(folder, fusion="served")
    shop = {"rules": [{"kind": kind, "name": kind, "ids": [item]} for kind, item in (("block", "f3"), ("boost", "f7"))]}
    arranged = plain.model_copy(update={"arrangement": ArrangementSettings.model_validate(shop)})
    unknown = plain.model_copy(update={"arrangement": ArrangementSettings(unseen="neutral")})
    shelf = Shelf()
    with Engines() as engines:
        # The last one is the only film of these that anybody took.
        measured, ruled, neutral = (ranked(one, store, engines, shelf, 5) for one in (plain, arranged, unknown))
    assert ruled.scores == measured.scores != neutral.scores
    assert arm_digest(arranged, None) == arm_digest(plain, None) != arm_digest(unknown, None)


def test_an_arm_lies_over_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEWREC_ENGINE__KIND", "vllm")
    monkeypatch.setenv("FEWREC_ENGINE__URL", "http://127.0.0.1:9")
    monkeypatch.setenv("FEWREC_WINDOWS__SIZE", "30")
    arms = [LlmArm(), LlmArm.model_validate({"windows": {"step": 5}, "setwise": {"top": 3}, "yes_no": {}})]
    first, second = (arm.over(load_settings()) for arm in arms)
    assert first.engine == load_settings().engine
    assert (second.windows.size, second.windows.step, second.setwise.top) == (30, 5, 3)
    embedded = LlmArm.model_validate({"engine": {"kind": "transformers"}})
    assert embedded.over(load_settings()).engine == TransformersSettings()
