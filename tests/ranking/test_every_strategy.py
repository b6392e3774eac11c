"""What every strategy must do, whatever it asks: one finite score per candidate, the same each time."""

from __future__ import annotations

import asyncio
import math
import random
from typing import Any, get_args

import pytest

from prompts.template import Template, load_template
from prompts.types import PromptContext
from ranking.engines.scripted import ScriptedEngine
from ranking.errors import ConfigError
from ranking.settings import Settings, load_settings
from ranking.strategies.config import StrategyName
from ranking.strategies.cost import cost_of
from ranking.strategies.registry import STRATEGIES, build_strategy, strategy_of
from ranking.types import StrategyScores
from tests.ranking.tasting import TastingEngine, by_number, films
from tests.ranking.test_parse_order import garbage

ROOMY = {"max_tokens": 4096}
COUNTS = [0, 1, 2, 20, 120]


def settings_of(name: str, **more: Any) -> Settings:
    return load_settings(strategy=name, prompt=ROOMY, **more)


def template_of(name: StrategyName, language: str = "en") -> Template:
    return load_template(STRATEGIES[name].template, language)


def verdicts(name: StrategyName, *contexts: PromptContext, engine: TastingEngine | None = None) -> list[StrategyScores]:
    engine = engine or TastingEngine(by_number)
    return asyncio.run(build_strategy(settings_of(name), engine, template_of(name)).score(contexts))


def shuffled(n: int) -> list[int]:
    numbers = list(range(n))
    random.Random(n).shuffle(numbers)
    return numbers


def ranked(numbers: list[int], scores: tuple[float, ...]) -> list[int]:
    """The films best first; equal ones in the order given."""
    return [numbers[place] for place in sorted(range(len(numbers)), key=lambda place: -scores[place])]


def test_every_name_has_a_strategy_and_every_kind_of_template_too() -> None:
    assert set(STRATEGIES) == set(get_args(StrategyName))
    for name, entry in STRATEGIES.items():
        for language in ("en", "zh"):
            template = template_of(name, language)
            assert template.kind == entry.kind
            assert build_strategy(settings_of(name), TastingEngine(by_number), template).name == name
    assert strategy_of("choice") == "listwise-logits"


@pytest.mark.parametrize("name", STRATEGIES)
def test_one_finite_score_per_candidate_for_any_number_of_them(name: StrategyName) -> None:
    contexts = [films(shuffled(n)) for n in COUNTS]
    together = verdicts(name, *contexts)
    assert [len(verdict.scores) for verdict in together] == COUNTS
    assert all(math.isfinite(score) for verdict in together for score in verdict.scores)
    alone = [verdict for context in contexts for verdict in verdicts(name, context)]
    assert [verdict.scores for verdict in together] == [verdict.scores for verdict in alone]
    assert all(verdict.prompt_digest and verdict.template.name for verdict in together)


@pytest.mark.parametrize("name", STRATEGIES)
def test_identical_titles_are_all_scored(name: StrategyName) -> None:
    [verdict] = verdicts(name, films([7] * 30))
    assert len(verdict.scores) == 30
    assert ranked(list(range(30)), verdict.scores) == list(range(30)), "even candidates keep the order given"


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_best_candidates_come_first(name: StrategyName) -> None:
    numbers = shuffled(20)
    [verdict] = verdicts(name, films(numbers))
    best = sorted(numbers, reverse=True)
    shown = 10 if name == "setwise" else 20
    assert ranked(numbers, verdict.scores)[:shown] == best[:shown]
    assert (verdict.model_calls > 0, verdict.prompt_tokens > 0) == (True, True)


@pytest.mark.parametrize("name", ["pairwise", "pairwise-sort"])
def test_asking_in_both_orders_cancels_a_taste_for_the_first_place(name: StrategyName) -> None:
    numbers = shuffled(20)
    [verdict] = verdicts(name, films(numbers), engine=TastingEngine(by_number, bias=2.0))
    assert ranked(numbers, verdict.scores) == sorted(numbers, reverse=True)


@pytest.mark.parametrize("name", [name for name, entry in STRATEGIES.items() if entry.ordered])
def test_what_order_can_sway_can_be_asked_in_several(name: StrategyName) -> None:
    engine = TastingEngine(by_number)
    strategy = build_strategy(settings_of(name, consistency={"rounds": 4}), engine, template_of(name))
    numbers = shuffled(15)
    [verdict] = asyncio.run(strategy.score([films(numbers)]))
    assert strategy.name == f"{name}-consistency"
    assert ranked(numbers, verdict.scores)[:3] == [14, 13, 12]
    assert verdict.agreement is not None
    assert verdict.agreement > 0.5


def test_whatever_is_written_no_candidate_is_lost_or_invented() -> None:
    chance = random.Random(0)
    engine = ScriptedEngine(lambda _, __: 0.0, write=lambda _: garbage(chance), max_context=100_000)
    settings = settings_of("listwise", windows={"size": 4, "step": 2}, consistency={"rounds": 2})
    strategy = build_strategy(settings, engine, template_of("listwise"))
    numbers = shuffled(9)
    [whole] = asyncio.run(build_strategy(settings_of("listwise"), engine, template_of("listwise")).score([films([])]))
    assert whole.scores == ()
    for _ in range(100):
        [verdict] = asyncio.run(strategy.score([films(numbers)]))
        assert sorted(verdict.scores) == list(range(1, 10))
        assert len(verdict.outputs) == verdict.model_calls == 8, "four windows, each in two orders"
        for output in verdict.outputs:
            assert output.report.fell_back == (output.report.missing == 4)
            assert output.report.repaired == output.report.missing <= 4


@pytest.mark.parametrize("name", [name for name, entry in STRATEGIES.items() if not entry.ordered])
def test_what_order_cannot_sway_is_not_asked_twice(name: StrategyName) -> None:
    with pytest.raises(ConfigError, match="not swayed by the order"):
        build_strategy(settings_of(name, consistency={"rounds": 2}), TastingEngine(by_number), template_of(name))


def test_an_engine_that_cannot_is_told_before_it_is_asked() -> None:
    silent = ScriptedEngine(lambda _, __: 0.0)
    with pytest.raises(ConfigError, match="needs an engine with the capability 'generate'"):
        build_strategy(settings_of("listwise"), silent, template_of("listwise"))


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_template_of_another_kind_is_refused(name: StrategyName) -> None:
    other = load_template("likelihood" if name != "likelihood" else "sequential")
    with pytest.raises(ConfigError, match=rf"is made for '{other.kind}', not for {name}"):
        build_strategy(settings_of(name), TastingEngine(by_number), other)


@pytest.mark.parametrize(
    ("name", "calls", "questions", "rounds"),
    [
        ("yes-no", 1, 20, 1),
        ("graded", 1, 20, 1),
        ("likelihood", 1, 20, 1),
        ("listwise-logits", 1, 1, 1),
        ("pairwise", 1, 380, 1),
        ("pairwise-sort", 15, 194, 15),
        ("setwise", 19, 20, 19),
        ("listwise", 1, 1, 1),
    ],
)
def test_the_cost_is_known_before_anything_is_asked(
    name: StrategyName, calls: int, questions: int, rounds: int
) -> None:
    engine = TastingEngine(by_number)
    settings, template = settings_of(name), template_of(name)
    cost = asyncio.run(cost_of(lambda counting: build_strategy(settings, counting, template), engine, films(range(20))))
    assert (cost.model_calls, cost.questions, cost.rounds) == (calls, questions, rounds)
    assert cost.prompt_tokens > 50
    assert (cost.completion_tokens > 0) == (name == "listwise")
    assert not engine.rounds
    assert not engine.dialogues
    [verdict] = verdicts(name, films(range(20)))
    assert verdict.model_calls == pytest.approx(calls, abs=1), "setwise asks by what was answered before"
