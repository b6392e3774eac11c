"""The paired differences that no run's aggregates hold: LLM arms against their rivals, one run against another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from evaluation.metrics.aggregate import compare_arms
from evaluation.metrics.columns import Keys
from evaluation.metrics.registry import parse_metric
from evaluation.report.types import Arm, Difference, Run
from evaluation.report.verdict import best_without_llm, embedding_arm
from evaluation.run.aggregates import read_columns
from evaluation.statistics.compare import Comparison, holm


def with_rivals(run: Run) -> Run:
    """The run with `against` filled in for its LLM arms.

    Against the run's baseline they are the aggregates' own comparisons, p corrected over all arms as the table shows
    it: one difference has one p. Against another rival they are computed from the run's journal, and p is corrected
    over the LLM arms, since the best of them is the one that is named.
    """
    rivals = [arm for arm in (best_without_llm(run), embedding_arm(run)) if arm is not None]
    llm_arms = [arm for arm in run.arms if arm.llm]
    if not rivals or not llm_arms:
        return run
    columns = read_columns(run.folder, [arm.name for arm in (*rivals, *llm_arms)], Keys())
    metric = parse_metric(run.metric)
    found: dict[str, dict[str, Difference]] = {arm.name: {} for arm in llm_arms}
    for arm in llm_arms:
        if (known := arm.differences.get(run.metric)) is not None:
            found[arm.name][known.to] = known
    for rival in dict.fromkeys(arm.name for arm in rivals if arm.name != run.baseline):
        differences = [
            _difference(
                compare_arms(columns[arm.name], columns[rival], metric, seed=run.seed, resamples=run.resamples), rival
            )
            for arm in llm_arms
        ]
        corrected = holm([difference.p for difference in differences])
        for arm, difference, p_holm in zip(llm_arms, differences, corrected, strict=True):
            found[arm.name][rival] = replace(difference, p_holm=p_holm)
    return replace(run, arms=tuple(_with(arm, found) for arm in run.arms))


def compare_across(
    a: Run, b: Run, names: Sequence[str], metrics: Sequence[str]
) -> Mapping[str, Mapping[str, Difference]]:
    """By metric and arm, b minus a over the cases that both answered. p_holm is corrected over the arms."""
    keys = Keys()
    in_a, in_b = read_columns(a.folder, names, keys), read_columns(b.folder, names, keys)
    found: dict[str, dict[str, Difference]] = {}
    for name in metrics:
        metric = parse_metric(name)
        differences = [
            _difference(compare_arms(in_b[arm], in_a[arm], metric, seed=b.seed, resamples=b.resamples), a.name)
            for arm in names
        ]
        corrected = holm([difference.p for difference in differences])
        found[name] = {
            arm: replace(difference, p_holm=p_holm)
            for arm, difference, p_holm in zip(names, differences, corrected, strict=True)
        }
    return found


def _difference(found: Comparison, rival: str) -> Difference:
    return Difference(
        to=rival,
        value=found.difference,
        low=found.low,
        high=found.high,
        p=found.p,
        n=found.n,
        detectable=found.detectable,
    )


def _with(arm: Arm, found: dict[str, dict[str, Difference]]) -> Arm:
    return replace(arm, against=found[arm.name]) if arm.name in found else arm
