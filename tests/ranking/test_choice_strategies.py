"""What the strategies of multiple choices ask, and what they make of the answers."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Sequence

import pytest

from prompts.template import load_bytes, load_template
from prompts.types import Prompt
from ranking.errors import ConfigError, EngineError
from ranking.settings import load_settings
from ranking.strategies.choice import Choice, Rules
from ranking.strategies.config import SetwiseSettings, WindowSettings, YesNoSettings
from ranking.strategies.graded import Graded
from ranking.strategies.listwise_logits import logits_rules
from ranking.strategies.pairwise import ALL_PAIRS, BY_SORTING, comparisons, network
from ranking.strategies.registry import build_strategy
from ranking.strategies.setwise import setwise_rules
from ranking.strategies.windows import Windowed, spans
from ranking.strategies.yes_no import YesNo
from ranking.types import BranchScore, PromptScores
from tests.prompts.test_template import changed
from tests.ranking.tasting import TastingEngine, by_number, films

TEMPLATE = load_template("choice")


def choice(rules: Rules, engine: TastingEngine) -> Choice:
    return Choice(engine, TEMPLATE, 4096, rules)


def branches(engine: TastingEngine) -> list[tuple[str, ...]]:
    """What the rounds asked, each of one context."""
    return [prompt.branches for asked in engine.rounds for prompt in asked]


def test_all_pairs_are_asked_in_both_orders_and_scored_by_their_mean_chance() -> None:
    engine = TastingEngine(lambda title: {"Film 1": 0.0, "Film 2": 100.0, "Film 3": 100.0}[title])
    [verdict] = asyncio.run(choice(ALL_PAIRS, engine).score([films([1, 2, 3])]))
    [asked] = branches(engine)
    assert asked[:2] == ("\nA. Film 1\nB. Film 2", "\nA. Film 2\nB. Film 1")
    assert len(asked) == 6
    assert verdict.scores == pytest.approx((0.0, 0.75, 0.75))
    assert (verdict.branches, verdict.model_calls, verdict.prompt_tokens) == (None, 1, 10 + 6 * 5)


@pytest.mark.parametrize("n", range(9))
def test_a_network_sorts_whatever_order_comes(n: int) -> None:
    layers = list(network(n))
    for layer in layers:
        places = [place for pair in layer for place in pair]
        assert len(places) == len(set(places)), "pairs of a layer can be compared at the same time"
    # By the zero-one principle, a network that sorts all of these sorts everything.
    for bits in itertools.product([0, 1], repeat=n):
        row = list(bits)
        for low, high in itertools.chain.from_iterable(layers):
            row[low], row[high] = max(row[low], row[high]), min(row[low], row[high])
        assert row == sorted(bits, reverse=True)


def test_how_many_pairs_sorting_compares_is_known() -> None:
    assert [comparisons(n) for n in (0, 1, 2, 4, 16, 20, 100)] == [0, 0, 1, 5, 63, 97, 1077]
    engine = TastingEngine(by_number)
    asyncio.run(choice(BY_SORTING, engine).score([films(range(20))]))
    assert sum(len(asked) for asked in branches(engine)) == 2 * comparisons(20)


def test_rounds_of_all_contexts_go_to_the_engine_together() -> None:
    engine = TastingEngine(by_number)
    asyncio.run(choice(BY_SORTING, engine).score([films([1, 2]), films([3]), films([1, 2, 3, 4])]))
    assert [len(asked) for asked in engine.rounds] == [2, 1, 1]


def test_a_tournament_plays_only_what_its_winner_left_open() -> None:
    engine = TastingEngine(by_number)
    rules = setwise_rules(SetwiseSettings(size=3, top=2))
    [verdict] = asyncio.run(choice(rules, engine).score([films([1, 9, 2, 5, 8, 4, 3])]))
    assert branches(engine) == [
        ("\nA. Film 1\nB. Film 9\nC. Film 2", "\nA. Film 5\nB. Film 8\nC. Film 4"),
        ("\nA. Film 9\nB. Film 8\nC. Film 3",),
        ("\nA. Film 1\nB. Film 2",),
        ("\nA. Film 2\nB. Film 8\nC. Film 3",),
    ]
    assert verdict.scores == (5.0, 7.0, 4.0, 3.0, 6.0, 2.0, 1.0), "two places decided, the others as given"
    assert verdict.model_calls == 4


@pytest.mark.parametrize(("size", "n"), [(2, 13), (3, 27), (10, 101)])
def test_a_tournament_for_all_places_sorts(size: int, n: int) -> None:
    numbers = list(range(n))
    random.Random(n).shuffle(numbers)
    rules = setwise_rules(SetwiseSettings(size=size, top=1000))
    [verdict] = asyncio.run(choice(rules, TastingEngine(by_number)).score([films(numbers)]))
    assert verdict.scores == tuple(number + 1.0 for number in numbers)


def test_first_token_scores_are_log_probabilities_of_the_letters_shown() -> None:
    engine = TastingEngine(lambda _: 0.0)
    [verdict] = asyncio.run(choice(logits_rules(4), engine).score([films([1, 2, 3])]))
    assert branches(engine) == [("\nA. Film 1\nB. Film 2\nC. Film 3",)]
    assert verdict.scores == pytest.approx([-1.0986123] * 3)
    with pytest.raises(ConfigError, match="listwise-logits can show 4 candidates, not 5"):
        asyncio.run(choice(logits_rules(4), engine).score([films(range(5))]))


def test_a_context_without_a_choice_asks_nothing() -> None:
    engine = TastingEngine(by_number)
    nobody, one = asyncio.run(choice(ALL_PAIRS, engine).score([films([]), films([4])]))
    assert (nobody.scores, one.scores) == ((), (0.0,))
    assert (one.model_calls, one.prompt_tokens, engine.rounds) == (0, 0, [])
    assert len(one.prompt_digest) == 16


def test_a_template_with_too_few_options_is_refused() -> None:
    short = load_bytes(changed('  labels: [" A", " B", " C", ', '  labels: [" A", " B"] #', "choice"), "mine.yaml")
    with pytest.raises(ConfigError, match="fewer options than setwise shows, 10"):
        Choice(TastingEngine(by_number), short, 512, setwise_rules(SetwiseSettings()))


def test_an_engine_without_logits_is_an_error() -> None:
    class Silent(TastingEngine):
        """FAKE engine that forgets the labels."""

        async def score(self, prompts: Sequence[Prompt]) -> list[PromptScores]:
            nothing = BranchScore(label_logits=None, text_logprob=-1.0, n_tokens=1)
            return [
                PromptScores(branches=(nothing,) * len(p.branches), prefix_tokens=1, cached_tokens=0) for p in prompts
            ]

    with pytest.raises(EngineError, match="no label logits"):
        asyncio.run(choice(ALL_PAIRS, Silent(by_number)).score([films([1, 2])]))


def test_the_first_prompt_can_be_read_without_asking() -> None:
    engine = TastingEngine(by_number)
    prompt = choice(setwise_rules(SetwiseSettings(size=2)), engine).first_prompt(films([1, 2, 3]))
    assert prompt.branches == ("\nA. Film 1\nB. Film 2",)
    assert engine.rounds == []


def test_windows_go_from_the_end_to_the_start() -> None:
    assert spans(120, 20, 10) == [(start, start + 20) for start in range(100, -1, -10)]
    assert spans(25, 20, 10) == [(5, 25), (0, 20)]
    with pytest.raises(ConfigError, match=r"windows\.step is 5"):
        Windowed(choice(ALL_PAIRS, TastingEngine(by_number)), WindowSettings(size=4, step=5))


def test_a_window_carries_the_best_to_the_front_and_passes_carry_more() -> None:
    def ranked(passes: int) -> tuple[float, ...]:
        engine = TastingEngine(by_number)
        windowed = Windowed(choice(logits_rules(4), engine), WindowSettings(size=4, step=2, passes=passes))
        [verdict] = asyncio.run(windowed.score([films(range(8))]))
        assert verdict.model_calls == 3 * passes
        assert verdict.prompt_tokens == 15 * 3 * passes
        return verdict.scores

    assert ranked(1)[-2:] == (7.0, 8.0)
    assert ranked(1) != ranked(4) == tuple(float(place) for place in range(1, 9))


def test_a_grade_is_the_expected_one() -> None:
    strategy = Graded(TastingEngine(lambda title: 100.0 if title == "Film 1" else 0.0), load_template("graded"), 512)
    [verdict] = asyncio.run(strategy.score([films([1, 2])]))
    assert verdict.scores == pytest.approx((5.0, 3.0))
    assert verdict.branches is not None


def test_a_calibrated_answer_is_compared_with_one_without_content() -> None:
    def taste(title: str) -> float:
        return 3.0 if title in {"N/A", "[MASK]"} else by_number(title)

    engine = TastingEngine(taste)
    for_item = YesNo(engine, load_template("sequential"), 512, YesNoSettings(calibration="item"))
    [verdict] = asyncio.run(for_item.score([films([10, 40])]))
    assert verdict.scores == (-2.0, 1.0)
    assert verdict.branches is not None
    assert (len(verdict.branches), verdict.model_calls, verdict.prompt_tokens) == (2, 1, 10 + 4 * 5)

    settings = load_settings(strategy="yes-no", yes_no={"calibration": "user"})
    for_user = build_strategy(settings, engine, load_template("sequential"))
    [verdict] = asyncio.run(for_user.score([films([10, 40])]))
    assert verdict.scores == (0.0, 0.0), "an engine that does not look at the user says nothing of them"
    assert (verdict.model_calls, verdict.prompt_tokens) == (2, 2 * (10 + 2 * 5))
    assert "Nothing is known" in engine.rounds[-1][1].before
