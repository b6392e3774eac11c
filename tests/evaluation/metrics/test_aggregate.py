from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import numpy as np
import pytest

from evaluation.errors import EvaluationError, RunConfigError
from evaluation.metrics.aggregate import aggregate, compare_arms, timings
from evaluation.metrics.columns import ArmColumns, Keys
from evaluation.metrics.facts import Facts
from evaluation.metrics.registry import parse_metrics
from evaluation.metrics.shape import AggregateDict
from evaluation.statistics.compare import compare
from evaluation.types import Contract, Outcome
from tests.evaluation.metrics.made import labelled, outcome, trace

ITEMS = tuple(f"i{number:02}" for number in range(30))
FACTS = Facts(
    item_ids=ITEMS,
    counts=np.arange(30),
    vectors=np.eye(30, dtype=np.float32),
)
METRICS = ("ndcg@10", "recall@5")


def ranking(arm: str, n: int = 60) -> list[Outcome]:
    rng = np.random.default_rng(sum(map(ord, arm)))
    found = []
    for case in range(n):
        for scenario in ("full", "shuffled-candidates", "shuffled-history"):
            order = tuple(ITEMS[index] for index in rng.permutation(30)[:20])
            rank = int(rng.integers(1, 21))
            found.append(
                outcome(
                    f"case-{case}",
                    arm=arm,
                    rank=rank,
                    target=order[rank - 1],
                    order=order,
                    scenario=scenario,
                    tags=("target-head",) if case % 3 else ("target-new", "target-tail"),
                    position=case % 20 + 1,
                    contract=Contract(missing=1) if arm == "llm" and case == 0 else None,
                    llm=trace(100) if arm == "llm" else None,
                    seconds=0.5,
                )
            )
    return found


def read(runs: Iterable[Sequence[Outcome]]) -> dict[str, ArmColumns]:
    keys = Keys()
    arms: dict[str, ArmColumns] = {}
    for run in runs:
        for each in run:
            arms.setdefault(each.arm, ArmColumns(keys)).add(each)
    return arms


def total(
    arms: dict[str, ArmColumns], *, baseline: str | None = "base", metrics: Sequence[str] = METRICS
) -> AggregateDict:
    return aggregate(arms, parse_metrics(metrics), baseline=baseline, seed=7, facts=FACTS, resamples=500)


def test_the_order_of_arms_and_cases_changes_no_byte() -> None:
    runs = [ranking("base"), ranking("llm"), ranking("third")]
    one = json.dumps(total(read(runs)))
    backwards = [list(reversed(run)) for run in reversed(runs)]
    assert json.dumps(total(read(backwards))) == one
    without = total(read(runs[:2]))
    assert without["arms"]["llm"]["metrics"] == json.loads(one)["arms"]["llm"]["metrics"]


def test_an_arm_is_described() -> None:
    found = total(read([ranking("base"), ranking("llm")]))
    assert (found["scenarios"], found["tags"]) == (
        ["full", "shuffled-candidates", "shuffled-history"],
        ["target-head", "target-new", "target-tail"],
    )
    assert list(found["arms"]) == ["base", "llm"]
    llm = found["arms"]["llm"]
    full = [each for each in ranking("llm") if each.scenario == "full"]
    expected = np.mean([1 / np.log2(1 + each.rank) if each.rank and each.rank <= 10 else 0 for each in full])
    assert llm["metrics"]["ndcg@10"]["value"] == pytest.approx(expected)
    assert (llm["n"], llm["metrics"]["ndcg@10"]["n"], llm["metrics"]["ndcg@10"]["undefined"]) == (60, 60, 0)
    assert llm["contract"] == {
        "n": 180, "missing": 3, "duplicate": 0, "invented": 0, "repaired": 0, "fell_back": 0, "clean": 177,
    }  # fmt: skip
    assert llm["cost"] == {
        "n": 180, "prompt_tokens": 18_000, "prompt_tokens_per_case": 100.0, "completion_tokens": 0,
        "completion_tokens_per_case": 0.0, "model_calls_per_case": 0.0, "flops": 36e6,
    }  # fmt: skip
    assert llm["ceiling"] is not None
    assert llm["ceiling"]["metrics"] == {"ndcg@10": 1.0, "recall@5": 1.0}
    assert llm["bias"] is not None
    assert llm["bias"]["metric"] == "ndcg@10"
    assert llm["bias"]["shuffled_history"] is not None
    assert llm["bias"]["shuffled_history"]["n"] == 60
    assert abs(llm["bias"]["shuffled_history"]["tau"] or 0) < 0.2
    assert (llm["calibration"], found["arms"]["base"]["cost"]) == ([], None)
    assert found["arms"]["base"]["comparisons"] == {}


def test_slices_hold_means_and_differences() -> None:
    arms = total(read([ranking("base"), ranking("llm")]))["arms"]
    cut = arms["llm"]["slices"]
    assert [(each["kind"], each["name"], each["n"]) for each in cut] == [
        ("scenario", "full", 60),
        ("scenario", "shuffled-candidates", 60),
        ("scenario", "shuffled-history", 60),
        ("tag", "target-head", 40),
        ("tag", "target-new", 20),
        ("tag", "target-tail", 20),
    ]
    for own, base in zip(cut, arms["base"]["slices"], strict=True):
        number = own["metrics"]["ndcg@10"]
        assert number["difference"] == pytest.approx(
            (number["value"] or 0) - (base["metrics"]["ndcg@10"]["value"] or 0)
        )
        assert base["metrics"]["ndcg@10"]["difference"] is None


def test_comparisons_are_those_of_compare_and_corrected_over_arms() -> None:
    columns = read([ranking("base"), ranking("llm"), ranking("third")])
    found = total(columns)["arms"]
    metric = parse_metrics(METRICS)[0]
    values = {name: metric.values(arm.read().of_scenario("full").judged()) for name, arm in columns.items()}
    expected = compare(values["llm"], values["base"], seed=7, resamples=500)
    own = found["llm"]["comparisons"]["ndcg@10"]
    assert (own["difference"], own["low"], own["p"]) == (expected.difference, expected.low, expected.p)
    assert compare_arms(columns["llm"], columns["base"], metric, seed=7, resamples=500) == expected
    raw = sorted(found[name]["comparisons"]["ndcg@10"]["p"] or 0 for name in ("llm", "third"))
    corrected = sorted(found[name]["comparisons"]["ndcg@10"]["p_holm"] or 0 for name in ("llm", "third"))
    assert corrected == [min(1, 2 * raw[0]), max(min(1, 2 * raw[0]), raw[1])]


def test_cases_that_one_arm_lacks_are_counted() -> None:
    arms = read([ranking("base"), [each for each in ranking("llm") if each.case_id not in {"case-3", "case-41"}]])
    extra = outcome("only-llm", arm="llm", rank=1)
    arms["llm"].add(extra)
    found = total(arms)["arms"]
    assert (found["llm"]["n"], found["llm"]["metrics"]["ndcg@10"]["undefined"]) == (59, 2)
    assert found["base"]["metrics"]["ndcg@10"]["undefined"] == 1
    comparison = found["llm"]["comparisons"]["ndcg@10"]
    assert (comparison["n"], comparison["undefined"]) == (58, 3)


def test_labelled_cases() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 80)
    runs = []
    for arm, strength in (("base", 0.1), ("llm", 0.6)):
        scores = np.clip(strength * labels + rng.uniform(0, 0.4, 80), 0, 1)
        pairs = zip(labels, scores, strict=True)
        runs.append([labelled(f"c{i}", float(y), float(p), arm=arm) for i, (y, p) in enumerate(pairs)])
    found = total(read(runs), metrics=["auc", "log-loss", "ece", "rmse", "ndcg@10"])["arms"]["llm"]
    assert found["metrics"]["auc"]["value"] == 1.0
    assert found["metrics"]["ndcg@10"] == {"value": None, "low": None, "high": None, "n": 0, "undefined": 80}
    assert (found["comparisons"]["auc"]["p"] or 1) < 0.05
    assert found["comparisons"]["ndcg@10"]["p_holm"] is None
    assert (found["beyond"], found["bias"], found["ceiling"]) == (None, None, None)
    assert sum(each["n"] for each in found["calibration"]) == 80


def test_without_a_baseline_nothing_is_compared() -> None:
    found = total(read([ranking("llm", 5)]), baseline=None)
    assert (found["baseline"], found["arms"]["llm"]["comparisons"]) == (None, {})


def test_without_outcomes_all_is_undefined() -> None:
    found = total({"base": ArmColumns(Keys())})["arms"]["base"]
    assert (found["n"], found["metrics"]["ndcg@10"]["value"], found["slices"]) == (0, None, [])


def test_timings_are_apart() -> None:
    found = timings({**read([ranking("llm", 4)]), "none": ArmColumns(Keys())})
    assert found["llm"] == {"n": 12, "seconds_total": 6.0, "seconds_p50": 0.5, "seconds_p95": 0.5}
    assert found["none"] == {"n": 0, "seconds_total": 0.0, "seconds_p50": None, "seconds_p95": None}


def test_what_cannot_be_aggregated_is_told() -> None:
    arms = read([ranking("llm", 2)])
    with pytest.raises(RunConfigError, match="baseline 'base' is not among the arms: llm"):
        total(arms)
    with pytest.raises(RunConfigError, match="no arms"):
        total({})
    with pytest.raises(EvaluationError, match="different Keys"):
        total({**arms, "base": ArmColumns(Keys())})
