"""Examples: the cases at both ends, with prompts, rendered once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from evaluation.run.command import carry_out
from evaluation.types import Case
from tests.evaluation.run.small_run import Guess
from tests.evaluation.run.test_command import Consoles, Right, assembled, nothing


class Shows(Guess):
    def prompt(self, case: Case, item_id: str) -> str:
        return f"Will it be {item_id} in {case.case_id}?"


class Best(Shows, Right):
    """Always right."""


def examples(folder: Path, *rankers: Guess, llm: Sequence[str]) -> list[dict[str, object]] | None:
    run = replace(assembled(*rankers), llm_arms=frozenset(llm))
    carry_out(Consoles(), folder, run, [], nothing)
    path = folder / "examples.json"
    return json.loads(path.read_text()) if path.exists() else None


def test_the_best_llm_arm_shows_ten_cases_from_either_end(tmp_path: Path) -> None:
    found = examples(tmp_path, Guess("a"), Shows("b"), llm=["b"])
    assert found is not None
    assert len(found) == 20
    assert {record["arm"] for record in found} == {"b"}
    gains = [int(str(record["rank"])) - int(str(record["baseline_rank"])) for record in found]
    assert gains == sorted(gains)
    assert gains[0] < 0 < gains[-1]
    assert str(found[0]["prompt"]).startswith("Will it be i")
    assert len(found[0]["order_titles"]) == 10  # type: ignore[arg-type]
    assert str(found[0]["target_title"]).startswith("Title")


def test_they_are_not_rendered_twice_and_a_damaged_file_is_mended(tmp_path: Path) -> None:
    examples(tmp_path, Guess("a"), Shows("b"), llm=["b"])
    before = (tmp_path / "examples.json").read_bytes()
    again = Shows("b")
    examples(tmp_path, Guess("a"), again, llm=["b"])
    assert again.opened == 0
    (tmp_path / "examples.json").write_text("{")
    examples(tmp_path, Guess("a"), again, llm=["b"])
    assert (tmp_path / "examples.json").read_bytes() == before


def test_another_arm_asked_for_later_does_not_take_the_place_of_the_best(tmp_path: Path) -> None:
    examples(tmp_path, Guess("a"), Best("right"), Shows("b"), llm=["b", "right"])
    before = (tmp_path / "examples.json").read_bytes()
    found = examples(tmp_path, Shows("b"), llm=["b", "right"])
    assert found is not None
    assert {record["arm"] for record in found} == {"right"}
    assert (tmp_path / "examples.json").read_bytes() == before


def test_without_an_llm_arm_or_a_baseline_there_are_none(tmp_path: Path) -> None:
    assert examples(tmp_path / "1", Guess("a"), Right("right"), llm=[]) is None
    assert examples(tmp_path / "2", Shows("b"), llm=["b"]) is None
    assert examples(tmp_path / "3", Guess("a"), Guess("b"), llm=["b"]) is None
