"""AUC of lists with one target."""

from __future__ import annotations

from benchmarks.slice_auc import auc_of, table_of
from evaluation.types import Outcome, Ranked


def outcome(scores: tuple[float, ...], position: int | None, rank: int | None = 1) -> Outcome:
    return Outcome(
        arm="a",
        case_id="c",
        scenario="full",
        tags=(),
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
