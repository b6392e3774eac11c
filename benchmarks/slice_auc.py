"""NDCG and AUC of each arm over a slice of a run's cases: python -m benchmarks.slice_auc RUN --slice target-new.

Reads the run folder that `fewrec evaluate` wrote, so it computes no score again. The AUC of a list is the share of the
other candidates that stand below the target, ties counted half; its mean over the lists is told.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from evaluation.metrics.ranking import rank_metric
from evaluation.metrics.types import Values, judge
from evaluation.run.journal import read_outcomes
from evaluation.statistics.error_bars import estimates
from evaluation.types import FULL, Outcome


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table, in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.slice_auc", description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--slice", help="only cases with this tag, such as target-new; all by default")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    by_arm: dict[str, list[Outcome]] = {}
    for outcome in read_outcomes(given.run):
        # What a scenario makes of a case has the case's tags and would count it once more.
        wanted = outcome.scenario == FULL and outcome.target is not None
        if wanted and (given.slice is None or given.slice in outcome.tags):
            by_arm.setdefault(outcome.arm, []).append(outcome)
    Console(width=200, highlight=False, markup=False).print(table_of(by_arm, seed=given.seed), soft_wrap=True)


def table_of(by_arm: dict[str, list[Outcome]], *, seed: int) -> str:
    """One row for each arm, the best AUC first; means × 100 with 95% bootstrap intervals over the lists."""
    metric, rows = rank_metric("ndcg", 10), []
    for arm, outcomes in by_arm.items():
        areas = 100 * np.array([auc_of(outcome) for outcome in outcomes])
        gains = 100 * metric.values(judge(outcomes))
        cells = (arm, str(len(outcomes)), _told(gains, seed), _told(areas, seed))
        rows.append((-areas.mean(), f"| {' | '.join(cells)} |"))
    return "\n".join(["| arm | n | NDCG@10 | AUC |", "| --- | ---: | ---: | ---: |", *(row for _, row in sorted(rows))])


def auc_of(outcome: Outcome) -> float:
    """Of one list with one target; 0 where the target is not among the candidates, 1 where it has no rival."""
    if outcome.target_position is None:
        return 0.0
    rivals = outcome.n_candidates - 1
    if rivals < 1:
        return 1.0
    scores = outcome.ranked.scores
    own = scores[outcome.target_position - 1]
    return (sum(own > score for score in scores) + (sum(own == score for score in scores) - 1) / 2) / rivals


def _told(values: Values, seed: int) -> str:
    [found] = estimates([values], seed=seed)
    return f"{found.value:.1f} ({found.low:.1f} to {found.high:.1f})"


if __name__ == "__main__":
    main()
