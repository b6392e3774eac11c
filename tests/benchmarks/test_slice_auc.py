"""AUC of lists with one target."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.slice_auc import auc_of, main, table_of
from evaluation.run.journal import Journal
from evaluation.types import FULL, Outcome, Ranked


def outcome(scores: tuple[float, ...], position: int | None, rank: int | None = 1, *, scenario: str = FULL) -> Outcome:
    return Outcome(
        arm="a",
        case_id="c",
        scenario=scenario,
        tags=("target-new",),
        n_history=1,
        n_candidates=len(scores),
        order=(),
        rank=rank,
        target="t",
        target_position=position,
        label=None,
        score=None,
        ranked=Ranked(scores=scores),
    )


def test_auc_by_hand() -> None:
    assert auc_of(outcome((0.9, 0.5, 0.1), 1)) == 1
    assert auc_of(outcome((0.9, 0.5, 0.1), 2)) == 0.5
    assert auc_of(outcome((0.9, 0.5, 0.1), 3)) == 0
    assert auc_of(outcome((0.5, 0.5, 0.5), 2)) == 0.5, "ties count half"
    assert auc_of(outcome((0.5, 0.5, 0.1), 1)) == 0.75
    assert auc_of(outcome((0.9, 0.5), None, None)) == 0, "the target is not among them"
    assert auc_of(outcome((0.9,), 1)) == 1


def test_the_best_auc_stands_first() -> None:
    lines = table_of(
        {
            "bad": [outcome((0.1, 0.9), 1, 2), outcome((0.9, 0.1), 1)],
            "good": [outcome((0.9, 0.1), 1), outcome((0.9, 0.1), 1)],
        },
        seed=0,
    ).splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| good", "| bad"]
    assert lines[2] == "| good | 2 | 100.0 (100.0 to 100.0) | 100.0 (100.0 to 100.0) |"
    assert "| 50.0 (" in lines[3]


def test_a_case_counts_once_however_many_scenarios_ask_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Journal(tmp_path) as journal:
        journal.append([outcome((0.9, 0.1), 1), outcome((0.9, 0.1), 1)])
        journal.append([outcome((0.1, 0.9), 1, 2, scenario="history-1")])
    main([str(tmp_path), "--slice", "target-new"])
    assert "| a | 2 | 100.0 (100.0 to 100.0) | 100.0 (100.0 to 100.0) |" in capsys.readouterr().out
