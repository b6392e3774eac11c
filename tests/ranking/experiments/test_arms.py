"""The arms of an experiment over a real record and a real index: who is served what, and what it is built of."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from ranking.errors import ConfigError, ServerDownError
from ranking.experiments.arms import check_experiments, open_arms
from ranking.experiments.assignment import arm_of
from ranking.protocol import Engine
from ranking.registry import Promotion
from ranking.settings import LadderSettings, Settings, load_settings
from ranking.types import Recommendation
from retrieval.errors import NotFoundError
from retrieval.store import Store, open_store
from retrieval.types import Interaction, Query, User
from tests.fakes import HashingEmbedder
from tests.ranking.flaky_engine import FlakyEngine
from tests.ranking.made_adapter import make_adapter
from tests.service.api.shop import fill

ARMS: list[dict[str, Any]] = [{"name": "llm"}, {"name": "signals", "settings": {"fusion": {"llm": 0}}}]


def settings_of(arms: Sequence[dict[str, Any]] = ARMS, **changes: Any) -> Settings:
    # The shipped adapter serves yes-no only, so this strategy has none.
    return load_settings(strategy="likelihood", experiments=[{"name": "e", "arms": arms, **changes}])


class Engines:
    """Opens FAKE engines and keeps them, and the adapters that they were to have."""

    def __init__(self) -> None:
        self.opened: list[FlakyEngine] = []
        self.adapters: list[Path | None] = []

    def open(self, settings: Settings) -> AbstractContextManager[Engine]:
        self.adapters.append(settings.model.adapter)
        self.opened.append(FlakyEngine())
        return nullcontext(self.opened[-1])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(home=tmp_path, record_url=None, index_url=None, embedder=HashingEmbedder()) as opened:
        fill(opened)
        opened.catch_up()
        yield opened


def ask(store: Store, settings: Settings, *queries: Query, n: int = 4) -> tuple[list[Recommendation], Engines]:
    engines = Engines()

    async def all_of_them() -> list[Recommendation]:
        with open_arms(store, settings, None, open_model=engines.open) as recommender:
            await recommender.warm()
            return [await recommender.recommend(query, n) for query in queries]

    return asyncio.run(all_of_them()), engines


def test_users_are_served_by_their_arms_and_strangers_by_none(store: Store) -> None:
    settings = settings_of(seed=3)
    arms = [arm_of(settings.experiments[0], user) for user in ("ann", "bob")]
    assert sorted(arms) == ["llm", "signals"], "a seed that tells these two apart"
    answers, engines = ask(store, settings, Query(user_id="ann"), Query(user_id="bob"), Query())
    assert [(answer.experiment, answer.arm) for answer in answers] == [("e", arms[0]), ("e", arms[1]), (None, None)]
    ranked_by = {answer.arm: answer.ranked_by for answer in answers[:2]}
    assert ranked_by == {"llm": "llm", "signals": "signals"}
    assert len(engines.opened) == 1, "one model serves all"
    with pytest.raises(NotFoundError):
        ask(store, settings, Query(user_id="nobody"))


def test_one_that_is_not_enabled_changes_nothing(store: Store) -> None:
    [answer], _ = ask(store, settings_of(enabled=False), Query(user_id="ann"))
    assert (answer.experiment, answer.arm, answer.ranked_by) == (None, None, "llm")


def test_an_arm_with_another_adapter_has_an_engine_of_its_own(store: Store, tmp_path: Path) -> None:
    adapter = make_adapter(tmp_path / "tuned", b"weights").folder
    tuned = {"name": "tuned", "settings": {"model": {"adapter": str(adapter)}}}
    _, engines = ask(store, settings_of([*ARMS, tuned, {"name": "shots", "settings": {"examples": {"shots": 2}}}]))
    assert len(engines.opened) == 2


def test_arms_follow_a_promotion_unless_they_say_otherwise(store: Store, tmp_path: Path) -> None:
    own, promoted = (make_adapter(tmp_path / name, name.encode()).folder for name in ("own", "promoted"))
    arms: list[dict[str, Any]] = [
        {"name": "as-it-serves"},
        {"name": "own", "settings": {"model": {"adapter": str(own)}}},
        {"name": "untuned", "settings": {"tuned": False}},
    ]
    promotion = Promotion(label="promoted@1", folder=promoted, model="m", at="2026-01-01", evidence=None)
    engines = Engines()
    with open_arms(store, settings_of(arms), promotion, open_model=engines.open):
        pass
    assert engines.adapters == [promoted, own, None]


def test_every_answer_is_watched_once_and_with_its_arm(store: Store) -> None:
    seen: list[Recommendation] = []

    async def one(settings: Settings) -> None:
        with open_arms(store, settings, None, watch=seen.append, open_model=Engines().open) as recommender:
            await recommender.recommend(Query(user_id="ann"), 3)
            await recommender.recommend(Query(), 3)

    for mode in ("split", "interleave"):
        asyncio.run(one(settings_of(mode=mode)))
    assert [answer.experiment for answer in seen] == ["e", None, "e", None]


def test_interleaved_arms_pick_from_the_same_candidates_in_turn(store: Store) -> None:
    settings = settings_of(mode="interleave")
    answers, engines = ask(store, settings, *[Query(user_id="ann")] * 20, Query())
    *answers, stranger = answers
    assert stranger.experiment is None
    for answer in answers:
        assert (answer.experiment, answer.arm, answer.ranked_by) == ("e", None, "interleaving")
        assert Counter(item.team for item in answer.items) == {"llm": 2, "signals": 2}
        assert [item.rank for item in answer.items] == [1, 2, 3, 4]
        assert len({item.item.item_id for item in answer.items}) == 4
        assert answer.n_candidates == 7
        assert (answer.strategy, answer.template) == (None, None), "the arms do not have these in common"
        assert any(note.startswith("signals: The LLM has no weight") for note in answer.notes)
    assert {answer.items[0].team for answer in answers} == {"llm", "signals"}, "the request draws who picks first"
    assert len(engines.opened[0].asked) == 2 + len(answers), "only one of the two arms asks; both were warmed"


def test_an_interleaved_list_tells_what_either_arm_lost(store: Store) -> None:
    shots = {"name": "other", "settings": {"examples": {"shots": 1}}}
    settings = settings_of([{"name": "one"}, shots], mode="interleave")

    async def failing() -> Recommendation:
        engine = FlakyEngine()
        engine.error = ServerDownError("no connection")
        with open_arms(store, settings, None, open_model=lambda _: nullcontext(engine)) as recommender:
            return await recommender.recommend(Query(user_id="ann"), 4)

    answer = asyncio.run(failing())
    assert (answer.rung, answer.reason, answer.ranked_by) == ("retrieval", "engine", "retrieval")
    assert [item.retrieval_rank for item in answer.items] == [1, 2, 3, 4]


def test_an_engine_that_fails_an_arm_is_known_to_be_down(store: Store) -> None:
    settings = settings_of(seed=3).model_copy(update={"ladder": LadderSettings(breaker_failures=1)})

    async def failing() -> str:
        engine = FlakyEngine()
        engine.error = ServerDownError("no connection")
        with open_arms(store, settings, None, open_model=lambda _: nullcontext(engine)) as recommender:
            for user_id in ("ann", "bob"):  # one of them is in the arm that asks the model
                await recommender.recommend(Query(user_id=user_id), 4)
            assert recommender.ladder is not None
            return recommender.ladder.engine.state

    assert asyncio.run(failing()) == "open", "health looks at this ladder"


def test_the_prompt_that_is_told_is_that_of_the_users_arm(store: Store) -> None:
    settings = settings_of(seed=3)

    async def asked(user_id: str) -> bool:
        with open_arms(store, settings, None, open_model=Engines().open) as recommender:
            return await recommender.question(Query(user_id=user_id)) is not None

    for user_id in ("ann", "bob"):
        assert asyncio.run(asked(user_id)) is (arm_of(settings.experiments[0], user_id) == "llm")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"examples": {"shotz": 2}}, "experiment 'e', arm 'other': setting examples.shotz: Extra inputs"),
        ({"examples": {"shots": -1}}, "experiment 'e', arm 'other': setting examples.shots: Input should be greater"),
        ({"exampels": {"shots": 1}}, "experiment 'e', arm 'other': an arm cannot change exampels, only model.adapter"),
        ({"retrieval": {"n_candidates": 9}}, "an arm cannot change retrieval"),
        ({"model": {"name": "gpt"}}, "an arm cannot change model.name"),
        ({"model": "gpt"}, "experiment 'e', arm 'other': setting model"),
        ({"model": {"adapter": "/nowhere"}}, "experiment 'e', arm 'other': .*/nowhere"),
        ({"prompt": {"template": "nope"}}, "experiment 'e', arm 'other': .*nope"),
    ],
)
def test_an_arm_that_cannot_be_served_is_told_at_the_start(changed: dict[str, Any], told: str) -> None:
    settings = settings_of([{"name": "one"}, {"name": "other", "settings": changed}])
    with pytest.raises(ConfigError, match=told):
        check_experiments(settings)


def test_what_a_finished_experiment_ran_with_may_be_gone() -> None:
    gone = {"name": "other", "settings": {"model": {"adapter": "/nowhere"}}}
    check_experiments(settings_of([{"name": "one"}, gone], enabled=False))


def test_a_strategy_that_does_not_fit_its_template_is_told_with_its_arm(store: Store) -> None:
    arms: list[dict[str, Any]] = [
        {"name": "one"},
        {"name": "other", "settings": {"prompt": {"template": "listwise"}}},
    ]
    with pytest.raises(ConfigError, match=r"experiment 'e', arm 'other': .*listwise"):
        ask(store, settings_of(arms))


@pytest.mark.parametrize(("weight", "measured"), [(0.0, False), (0.5, True)])
def test_latent_factors_are_made_where_an_arm_weighs_them(store: Store, weight: float, measured: bool) -> None:
    users = [f"u{n}" for n in range(8)]
    store.record.put_users([User(user_id=user_id) for user_id in users])
    taken = [(user_id, f"i{(n + k) % 6}") for n, user_id in enumerate(users) for k in range(3)]
    store.record.put_interactions([Interaction(user_id=u, item_id=i, timestamp=1.0) for u, i in taken])
    arms = [{"name": "llm"}, {"name": "latent", "settings": {"fusion": {"latent": weight}}}]
    settings = load_settings(strategy="likelihood", fusion={"latent": 0.0}, experiments=[{"name": "e", "arms": arms}])
    (answer,), _ = ask(store, settings, Query(user_id="ann"))
    assert any(item.signals.latent is not None for item in answer.items) == measured
