from __future__ import annotations

import asyncio
from contextlib import nullcontext
from pathlib import Path

import pytest

from ranking.arrangement.duplicates import duplicates
from ranking.errors import ConfigError
from ranking.experiments.arms import open_arms
from ranking.scenarios.check import check_scenarios
from ranking.scenarios.files import CHANGEABLE, list_scenarios, read_scenario
from ranking.settings import Settings, load_settings, with_scenario
from ranking.types import Recommendation
from retrieval.errors import InputError
from retrieval.sample.days import music_sample
from retrieval.store import open_store
from retrieval.types import Query
from tests.fakes import HashingEmbedder
from tests.ranking.flaky_engine import FlakyEngine
from tests.service.api.shop import fill

SHIPPED = {"ads", "home", "new-items", "cross-domain", "news", "music"}


def own(home: Path, name: str, text: str) -> None:
    (home / "scenarios").mkdir(parents=True, exist_ok=True)
    (home / "scenarios" / f"{name}.yaml").write_text(text, encoding="utf-8")


def test_the_shipped_scenarios_can_all_be_served(tmp_path: Path) -> None:
    assert set(list_scenarios(tmp_path)) >= SHIPPED
    check_scenarios(load_settings(home=tmp_path))
    for name in SHIPPED:
        scenario = read_scenario(tmp_path, name)
        assert scenario.settings.keys() <= CHANGEABLE
        assert with_scenario(load_settings(home=tmp_path), name).scenario == name


def test_music_lists_no_version_of_a_track_beside_it(tmp_path: Path) -> None:
    settings = with_scenario(load_settings(home=tmp_path), "music").arrangement.duplicates
    assert settings is not None
    tracks = music_sample().items
    versions = {one.item_id for one in tracks if "(" in one.title}
    assert len(versions) == 4
    assert duplicates(tracks, (), {}, settings).keys() == versions, "by their words alone"


def test_a_name_that_does_not_exist_gets_the_nearest_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no scenario named 'new-item'; did you mean 'new-items'\? There"):
        read_scenario(tmp_path, "new-item")
    with pytest.raises(InputError, match=r"no scenario named '../../etc/passwd'; There are: .*music"):
        load_settings(home=tmp_path, scenario="../../etc/passwd")


def test_ones_own_file_stands_before_the_shipped_one_and_under_flags(tmp_path: Path) -> None:
    own(tmp_path, "home", "about: ours\nsettings: {retrieval: {n_candidates: 7, liked_recent: 3}}\n")
    settings = load_settings(home=tmp_path, scenario="home", retrieval={"n_candidates": 9})
    assert (settings.retrieval.n_candidates, settings.retrieval.liked_recent) == (9, 3)
    assert settings.arrangement.changes_nothing
    assert settings.scenario == "home"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("settings: {}", "about: Field required"),
        ("about: x\nsettings: {model: {name: gpt-2}}", "a scenario cannot change model, only ads, arrangement"),
        ("about: x\nsettings: {engine: {kind: openai}}", "cannot change engine"),
        ("about: x\nsettings: {home: /etc}", "cannot change home"),
        ("about: x\nsettings: {arrangement: {half_life_days: {news: 0}}}", "arrangement.half_life_days.news"),
        ("about: x\nsettings: {arrangement: {colour: red}}", "arrangement.colour"),
        ("about: x\nsettings: {prompt: {template: likelyhood}}", "no template named 'likelyhood'"),
        ("about: [", "cannot read the scenario"),
        ("- a", "its name or shape"),
    ],
)
def test_a_file_that_cannot_serve_is_told_of_before_it_is_asked_for(tmp_path: Path, text: str, says: str) -> None:
    own(tmp_path, "mine", text)
    with pytest.raises(ConfigError, match=says) as refused:
        check_scenarios(load_settings(home=tmp_path))
    assert "mine" in str(refused.value)


def test_a_name_that_is_not_plain_is_refused(tmp_path: Path) -> None:
    own(tmp_path, "My List", "about: x")
    with pytest.raises(ConfigError, match=r"My List\.yaml"):
        read_scenario(tmp_path, "My List")


def test_settings_files_name_no_scenario(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("scenario: news", encoding="utf-8")
    with pytest.raises(ConfigError, match="leave scenario out"):
        load_settings(config)


def test_one_engine_and_one_snapshot_serve_all_scenarios(tmp_path: Path) -> None:
    own(tmp_path, "short", "about: x\nsettings: {retrieval: {n_candidates: 2}}")
    own(tmp_path, "none", "about: x\nsettings: {arrangement: {rules: [{kind: block, name: r, ids: [i5]}]}}")
    settings = load_settings(home=tmp_path, strategy="likelihood")
    engines: list[FlakyEngine] = []
    watched: list[Recommendation] = []

    def open_model(_: Settings) -> nullcontext[FlakyEngine]:
        engines.append(FlakyEngine())
        return nullcontext(engines[-1])

    async def answers() -> list[Recommendation]:
        with open_arms(store, settings, None, watch=watched.append, open_model=open_model) as recommender:
            assert recommender.of(None) is recommender
            assert recommender.of("none") is recommender.of("none")
            assert recommender.of("none").retriever is recommender.retriever
            with pytest.raises(InputError, match="did you mean 'short'"):
                recommender.of("shor")
            assert recommender.scenarios is not None
            assert {one.name for one in recommender.scenarios.known()} >= {"short", "none", *SHIPPED}
            query = Query(user_id="ann")
            return [await recommender.of(name).recommend(query, 2) for name in (None, "short", "none")]

    with open_store(home=tmp_path, record_url=None, index_url=None, embedder=HashingEmbedder()) as store:
        fill(store)
        store.catch_up()
        plain, short, blocked = asyncio.run(answers())
    assert len(engines) == 1
    assert [answer.scenario for answer in watched] == [None, "short", "none"]
    assert (plain.n_candidates, short.n_candidates) == (7, 2)
    assert plain.changes == ()
    assert "i5" not in {entry.item.item_id for entry in blocked.items}
