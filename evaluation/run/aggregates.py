"""From the journal to metrics.json and costs.json, and to the comparisons that gates ask for.

Everything here is read from the journal again, one line at a time, so that a run that was broken off and one that was
not end with the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from evaluation.gate import Gate, Verdict, decide
from evaluation.metrics.aggregate import aggregate, compare_arms, timings
from evaluation.metrics.columns import ArmColumns, Keys
from evaluation.metrics.facts import Facts
from evaluation.metrics.protocol import Metric
from evaluation.metrics.registry import parse_metric
from evaluation.metrics.shape import AggregateDict
from evaluation.run.folder import COSTS, METRICS, RunFolder
from evaluation.run.journal import read_outcomes


@dataclass(frozen=True, kw_only=True, slots=True)
class Aggregates:
    """A run's numbers, as written."""

    metrics: AggregateDict
    columns: Mapping[str, ArmColumns]
    """By arm, for comparisons that metrics.json does not hold."""


def write_aggregates(
    folder: RunFolder,
    *,
    arms: Sequence[str],
    metrics: Sequence[Metric],
    baseline: str | None,
    seed: int,
    facts: Facts,
    resamples: int = 10_000,
) -> Aggregates:
    """Aggregates the outcomes of the named arms and writes metrics.json and costs.json.

    Arms without outcomes are left out; so are differences, where the baseline has none.
    """
    columns = {arm: read for arm, read in read_columns(folder.path, arms, Keys()).items() if len(read)}
    found = aggregate(
        columns,
        metrics,
        baseline=baseline if baseline in columns else None,
        seed=seed,
        facts=facts,
        resamples=resamples,
    )
    folder.write(METRICS, cast("Mapping[str, Any]", found))
    folder.write(COSTS, timings(columns))
    return Aggregates(metrics=found, columns=columns)


def read_columns(folder: Path, arms: Iterable[str], keys: Keys) -> dict[str, ArmColumns]:
    """The columns of a run folder's arms, in the order of `arms`; empty for an arm without outcomes."""
    found = {arm: ArmColumns(keys) for arm in arms}
    for outcome in read_outcomes(folder):
        if outcome.arm in found:
            found[outcome.arm].add(outcome)
    return found


def check_gates(gates: Sequence[Gate], aggregates: Aggregates, *, seed: int) -> list[Verdict]:
    """One verdict per gate. Its arms must be among the aggregated ones."""
    return decide(
        gates,
        [
            compare_arms(
                aggregates.columns[gate.arm], aggregates.columns[gate.baseline], parse_metric(gate.metric), seed=seed
            )
            for gate in gates
        ],
    )
