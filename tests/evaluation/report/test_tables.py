"""What the report's tables mark."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from evaluation.report.model import load_run
from evaluation.report.tables import ranked, results
from tests.evaluation.report.build import ARMS, write_run


def test_all_that_share_the_best_value_are_marked_unless_nothing_tells_them_apart(tmp_path: Path) -> None:
    run = load_run(write_run(tmp_path / "run", ARMS[-3:], baseline=None, n_cases=30))
    best = ranked(run)[0]
    table = results(replace(run, arms=(*run.arms, replace(best, name="twin"))))
    assert [row[0].text for row in table.rows if row[3].best] == [best.name, "twin"]
    alike = results(replace(run, arms=(best, replace(best, name="twin"))))
    assert not any(cell.best for row in alike.rows for cell in row)
