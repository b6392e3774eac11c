"""Writes examples.json: the cases on which the best LLM arm gained and lost most, with the prompts that it read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import orjson

from evaluation.metrics.registry import main_metric
from evaluation.metrics.shape import AggregateDict
from evaluation.run.folder import RunFolder, write_json
from evaluation.run.journal import read_outcomes
from evaluation.run.runner import Arm, Cases
from evaluation.types import FULL, Case, Outcome

EXAMPLES = "examples.json"
PER_END = 10
_SHOWN = 10


@runtime_checkable
class ShowsPrompts(Protocol):
    """An arm that can show what it asks."""

    def prompt(self, case: Case, item_id: str) -> str:
        """The whole conversation for one candidate, for people to read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Picked:
    case_id: str
    rank: int | None
    baseline_rank: int | None


def write_examples(
    folder: RunFolder, arms: Sequence[Arm], llm_arms: frozenset[str], cases: Cases, aggregates: AggregateDict
) -> None:
    """Picks the cases from the journal and renders their prompts anew; does nothing if that was done already.

    `llm_arms` are all of the configuration. Without an LLM arm, a baseline or ranking cases there is nothing to pick,
    and if the best one is not among `arms`, its cases were picked when it ran.
    """
    best = _best(llm_arms, aggregates)
    arm = next((arm for arm in arms if arm.name == best), None)
    baseline = aggregates["baseline"]
    if arm is None or baseline is None:
        return
    picked = _pick(folder.path, arm.name, baseline)
    if not picked or _written(folder.path) == [(arm.name, case_id) for case_id in picked]:
        return
    with arm.open() as ranker:
        if not isinstance(ranker, ShowsPrompts):
            return
        found = {case.case_id: case for case in cases if case.scenario == FULL and case.case_id in picked}
        orders = {
            outcome.case_id: outcome.order
            for outcome in read_outcomes(folder.path, arm.name)
            if outcome.scenario == FULL and outcome.case_id in picked
        }
        records = [
            _record(arm.name, one, found[case_id], orders[case_id], ranker)
            for case_id, one in picked.items()
            if case_id in found
        ]
    write_json(folder.path / EXAMPLES, records)


def _best(llm_arms: frozenset[str], aggregates: AggregateDict) -> str | None:
    """The LLM arm with the best value of the run's main metric; ties by name."""
    metric = main_metric(aggregates["metrics"])
    sign = 1.0 if aggregates["higher_is_better"][metric] else -1.0
    valued = [
        (sign * value, name)
        for name in sorted(llm_arms)
        if name in aggregates["arms"] and (value := aggregates["arms"][name]["metrics"][metric]["value"]) is not None
    ]
    return max(valued, key=lambda each: each[0])[1] if valued else None


def _pick(folder: Path, arm: str, baseline: str) -> Mapping[str, _Picked]:
    """At most PER_END cases from either end, by places gained on the baseline; ties by a hash of the case."""
    ranks: dict[str, dict[str, int | None]] = {arm: {}, baseline: {}}
    last = 0
    for outcome in read_outcomes(folder):
        if outcome.arm in ranks and _asks(outcome):
            ranks[outcome.arm][outcome.case_id] = outcome.rank
            last = max(last, outcome.n_candidates + 1)
    both = [
        _Picked(case_id=case_id, rank=rank, baseline_rank=ranks[baseline][case_id])
        for case_id, rank in ranks[arm].items()
        if case_id in ranks[baseline]
    ]
    # A target that was not found stands after all others.
    both.sort(key=lambda one: ((one.rank or last) - (one.baseline_rank or last), sha256(one.case_id.encode()).digest()))
    ends = both if len(both) <= 2 * PER_END else [*both[:PER_END], *both[-PER_END:]]
    return {one.case_id: one for one in ends}


def _asks(outcome: Outcome) -> bool:
    return outcome.scenario == FULL and outcome.target is not None


def _record(arm: str, picked: _Picked, case: Case, order: Sequence[str], ranker: ShowsPrompts) -> dict[str, Any]:
    titles = {item.item_id: item.title for item in case.candidates}
    asked = case.target if case.target in titles else order[0]
    return {
        "arm": arm,
        "case_id": picked.case_id,
        "prompt": ranker.prompt(case, asked),
        "target_title": titles.get(case.target or ""),
        "rank": picked.rank,
        "baseline_rank": picked.baseline_rank,
        "order_titles": [titles[item_id] for item_id in order[:_SHOWN]],
    }


def _written(folder: Path) -> list[tuple[str, str]]:
    try:
        return [(record["arm"], record["case_id"]) for record in orjson.loads((folder / EXAMPLES).read_bytes())]
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        return []  # whatever is wrong with it, it is written anew
