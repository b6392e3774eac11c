"""What the report's tables mark."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from evaluation.report.model import load_run
from evaluation.report.numbers import DASH
from evaluation.report.tables import costs, ranked, results
from tests.evaluation.report.build import ARMS, write_run


def test_all_that_share_the_best_value_are_marked_unless_nothing_tells_them_apart(tmp_path: Path) -> None:
    run = load_run(write_run(tmp_path / "run", ARMS[-3:], baseline=None, n_cases=30))
    best = ranked(run)[0]
    table = results(replace(run, arms=(*run.arms, replace(best, name="twin"))))
    assert [row[0].text for row in table.rows if row[3].best] == [best.name, "twin"]
    alike = results(replace(run, arms=(best, replace(best, name="twin"))))
    assert not any(cell.best for row in alike.rows for cell in row)


def test_what_a_case_costs_is_told_of_every_arm(tmp_path: Path) -> None:
    run = load_run(write_run(tmp_path / "run", ARMS, n_cases=30))
    table = costs(run)
    assert table.columns[1:4] == ("model calls", "prompt tokens", "tokens written")
    told = {row[0].text: [cell.text for cell in row[1:4]] for row in table.rows}
    for arm in run.arms:
        assert told[arm.name] == (["3.0", "412", "17"] if arm.llm else [DASH] * 3)
