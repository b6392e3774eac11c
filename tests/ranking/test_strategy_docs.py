"""The page about strategies says what the code does."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from prompts.types import Dialogue, Prompt
from ranking.engine_settings import EngineSettings
from ranking.settings import Settings
from ranking.strategies.config import StrategyName
from ranking.strategies.question import first_question, question_text
from ranking.strategies.table import ENGINES, written_into
from service.cli.options import EngineKind, Strategy
from tests.ranking.tasting import TastingEngine, by_number, films
from tests.ranking.test_every_strategy import settings_of, template_of

PAGE = Path(__file__).parents[2] / "docs" / "strategies.md"


def test_the_tables_are_those_of_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert written_into(page) == page, "write them anew: python -m ranking.strategies.table"
    with pytest.raises(ValueError, match="must hold the lines"):
        written_into("a page without marks")


def test_every_engine_and_every_strategy_is_offered() -> None:
    union, _ = get_args(EngineSettings)
    kinds = {section.model_fields["kind"].default for section in get_args(union)}
    assert kinds == {kind.value for kind in EngineKind}
    assert set(ENGINES) == kinds | {"langchain"}
    assert {strategy.value for strategy in Strategy} == set(get_args(StrategyName))
    assert set(get_args(Settings.model_fields["strategy"].annotation)) == {StrategyName, type(None)}


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("yes-no", "Film: Film 3\n\n[assistant]\nAnswer:"),
        ("graded", "Film: Film 3\n\n[assistant]\nGrade: "),
        ("likelihood", "[assistant]\nFilm: Film 3"),
        ("pairwise", "A. Film 1\nB. Film 2\n\n[assistant]\nAnswer:"),
        ("setwise", "C. Film 3\n\n[assistant]\nAnswer:"),
        ("listwise-logits", "C. Film 3\n\n[assistant]\nAnswer:"),
        ("listwise", "3. Film 3\n"),
    ],
)
def test_the_first_question_can_be_read(name: StrategyName, shown: str) -> None:
    engine, context = TastingEngine(by_number), films([1, 2, 3])
    question = first_question(settings_of(name), engine, template_of(name), context)
    assert isinstance(question, Dialogue if name == "listwise" else Prompt)
    assert shown in question_text(question, context, 2)
    assert not engine.rounds


def test_of_a_long_list_the_windows_first_place_is_shown() -> None:
    settings = settings_of("listwise-logits", windows={"size": 2, "step": 1})
    question = first_question(settings, TastingEngine(by_number), template_of("listwise-logits"), films([1, 2, 3]))
    assert isinstance(question, Prompt)
    assert question.branches == ("\nA. Film 2\nB. Film 3",)
    alone = first_question(settings_of("pairwise"), TastingEngine(by_number), template_of("pairwise"), films([1]))
    assert question_text(alone, films([1]), 0).endswith("letter.\n\n[assistant]\nAnswer:")
