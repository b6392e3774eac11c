"""Reads a run folder into the report's types. Nothing else here knows how a run folder stores its numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from evaluation.errors import RunFolderError
from evaluation.metrics.registry import main_metric
from evaluation.metrics.shape import (
    AggregateDict,
    AgreementDict,
    ArmDict,
    ComparisonDict,
    EstimateDict,
    SliceDict,
    TimingDict,
)
from evaluation.report.rivals import with_rivals
from evaluation.report.spec import SpecFacts, read_spec
from evaluation.report.types import (
    Arm,
    Bucket,
    CalibrationBin,
    Ceiling,
    ContractTotals,
    Cost,
    Difference,
    Estimate,
    Example,
    Popularity,
    Probe,
    Run,
    Slice,
)
from evaluation.run.folder import COSTS, METRICS

EXAMPLES = "examples.json"


def load_run(folder: Path) -> Run:
    """Everything that a report shows of a run.

    RunFolderError names the file that is missing or that cannot be read. costs.json and examples.json may be missing.
    """
    if not folder.is_dir():
        raise RunFolderError(f"{folder} is not a run folder; give the folder that `fewrec evaluate --output` wrote")
    spec = read_spec(folder)
    aggregates = cast("AggregateDict", _read(folder / METRICS))
    costs = cast("Mapping[str, TimingDict] | None", _read_if_there(folder / COSTS))
    try:
        run = _run(folder, spec, aggregates, costs)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise RunFolderError(
            f"{folder} holds numbers that this version cannot read ({type(error).__name__}: {error}); run the same "
            "`fewrec evaluate` again to write them anew"
        ) from error
    return with_rivals(run)


def _run(folder: Path, spec: SpecFacts, aggregates: AggregateDict, costs: Mapping[str, TimingDict] | None) -> Run:
    arms = tuple(
        _arm(name, found, aggregates["baseline"], (costs or {}).get(name), spec.llm_arms)
        for name, found in _in_order(aggregates["arms"], spec.arms)
    )
    return Run(
        folder=folder,
        name=spec.name,
        dataset=spec.dataset,
        digest=spec.digest,
        protocol=spec.protocol,
        cases=max((arm.n for arm in arms), default=0),
        cases_digest=spec.cases_digest,
        seed=aggregates["seed"],
        resamples=aggregates["resamples"],
        started=spec.started,
        commit=spec.commit,
        dirty=spec.dirty,
        hardware=spec.hardware,
        versions=spec.versions,
        config=spec.config,
        metrics=tuple(aggregates["metrics"]),
        higher_is_better=dict(aggregates["higher_is_better"]),
        metric=main_metric(aggregates["metrics"]),
        baseline=aggregates["baseline"],
        known_interactions=spec.known_interactions,
        left_out=spec.left_out,
        arms=arms,
        examples=_examples(_read_if_there(folder / EXAMPLES)),
        has_costs=costs is not None,
    )


def _in_order(arms: Mapping[str, ArmDict], names: tuple[str, ...]) -> list[tuple[str, ArmDict]]:
    """In the configuration's order, as far as it names them; the others after."""
    places = {name: place for place, name in enumerate(names)}
    return sorted(arms.items(), key=lambda entry: (places.get(entry[0], len(places)), entry[0]))


def _arm(name: str, found: ArmDict, baseline: str | None, timing: TimingDict | None, llm_arms: frozenset[str]) -> Arm:
    cost, bias = found["cost"], found["bias"]
    rival = baseline or ""
    return Arm(
        name=name,
        llm=cost is not None or name in llm_arms,
        n=found["n"],
        metrics={metric: _estimate(value) for metric, value in found["metrics"].items()},
        differences={metric: _difference(value, rival) for metric, value in found["comparisons"].items()},
        slices=tuple(_slice(part, rival) for part in found["slices"]),
        positions=()
        if bias is None
        else tuple(
            Bucket(first=bucket["first"], last=bucket["last"], estimate=_estimate({"undefined": 0, **bucket}))
            for bucket in bias["by_position"]
        ),
        position_metric=None if bias is None else bias["metric"],
        popularity=_popularity(found),
        probes=()
        if bias is None
        else tuple(
            probe
            for change, agreement in (
                ("candidates shuffled", bias["shuffled_candidates"]),
                # Runs that were made before there was this scenario do not name it.
                ("candidates reversed", bias.get("reversed_candidates")),
                ("history shuffled", bias["shuffled_history"]),
            )
            if (probe := _probe(change, agreement)) is not None
        ),
        contract=ContractTotals(**found["contract"]),
        cost=_cost(found, timing),
        ceiling=None if found["ceiling"] is None else Ceiling(**found["ceiling"]),
        calibration=tuple(CalibrationBin(**part) for part in found["calibration"]),
    )


def _estimate(found: EstimateDict | Mapping[str, Any]) -> Estimate:
    return Estimate(
        value=found["value"], low=found["low"], high=found["high"], n=found["n"], undefined=found["undefined"]
    )


def _difference(found: ComparisonDict, rival: str) -> Difference:
    return Difference(
        to=rival,
        value=found["difference"],
        low=found["low"],
        high=found["high"],
        p=found["p"],
        p_holm=found["p_holm"],
        n=found["n"],
        detectable=found["detectable"],
    )


def _slice(found: SliceDict, rival: str) -> Slice:
    return Slice(
        kind=found["kind"],
        name=found["name"],
        n=found["n"],
        metrics={metric: _estimate(value) for metric, value in found["metrics"].items()},
        differences={
            metric: Difference(
                to=rival,
                value=value["difference"],
                low=value["difference_low"],
                high=value["difference_high"],
                n=value["n"],
            )
            for metric, value in found["metrics"].items()
        },
    )


def _popularity(found: ArmDict) -> Popularity | None:
    beyond = found["beyond"]
    if beyond is None:
        return None
    return Popularity(
        k=beyond["k"],
        n=beyond["n"],
        log_popularity=beyond["log_popularity"],
        target_log_popularity=beyond["target_log_popularity"],
        gini=beyond["gini"],
        coverage=beyond["coverage"],
        novelty=beyond["novelty"],
        diversity=beyond["diversity"],
    )


def _probe(change: str, found: AgreementDict | None) -> Probe | None:
    if found is None:
        return None
    return Probe(change=change, n=found["n"], tau=found["tau"], same_first=found["same_first"])


def _cost(found: ArmDict, timing: TimingDict | None) -> Cost:
    cost = found["cost"]
    flops = None if cost is None or cost["flops"] is None else cost["flops"] / max(cost["n"], 1)
    return Cost(
        model_calls=None if cost is None else cost["model_calls_per_case"],
        prompt_tokens=None if cost is None else cost["prompt_tokens_per_case"],
        completion_tokens=None if cost is None else cost["completion_tokens_per_case"],
        flops=flops,
        seconds_p50=None if timing is None else timing["seconds_p50"],
        seconds_p95=None if timing is None else timing["seconds_p95"],
    )


def _examples(found: Any) -> tuple[Example, ...] | None:
    """First the half that gained most places on the baseline, the best first; then the others, the worst first."""
    if found is None:
        return None
    by_gain = sorted(found, key=lambda record: (_lost(record), record["case_id"]))
    half = (len(by_gain) + 1) // 2
    ordered = [(record, True) for record in by_gain[:half]] + [(record, False) for record in reversed(by_gain[half:])]
    return tuple(
        Example(
            arm=record["arm"],
            case_id=record["case_id"],
            prompt=record["prompt"],
            target_title=record["target_title"],
            rank=record["rank"],
            baseline_rank=record["baseline_rank"],
            order_titles=tuple(record["order_titles"]),
            best=best,
        )
        for record, best in ordered
    )


def _lost(record: Mapping[str, Any]) -> float:
    """Places lost against the baseline; negative is a gain. A target that was not ranked stands after all others."""
    last = len(record["order_titles"]) + 1
    rank = last if record["rank"] is None else record["rank"]
    before = last if record["baseline_rank"] is None else record["baseline_rank"]
    return float(rank - before)


def _read_if_there(path: Path) -> Any:
    return _read(path) if path.exists() else None


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise RunFolderError(
            f"{path.parent} has no {path.name}, so it is not a finished run; run `fewrec evaluate` with it as --output"
        ) from error
    except (OSError, ValueError) as error:
        raise RunFolderError(f"cannot read {path}: {error}; run the same `fewrec evaluate` again") from error
