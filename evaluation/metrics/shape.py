"""The shape of a run's aggregates, as they stand in metrics.json and metrics' timings.

Every number may be None where it is undefined; None is never replaced by 0. Intervals are 95%. Nothing here is rounded.
Arms, metrics, scenarios and tags are sorted by name; a metric keeps the name it has in the configuration.
"""

from __future__ import annotations

from typing import TypedDict


class EstimateDict(TypedDict):
    """A metric of one arm on some cases."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    """Cases with a value."""
    undefined: int
    """Cases without one."""


class ComparisonDict(TypedDict):
    """An arm minus the baseline, paired over the cases where both have a value."""

    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    """Two-sided randomisation test."""
    p_holm: float | None
    """Corrected over the arms compared on this metric."""
    n: int
    undefined: int
    detectable: float | None
    """The smallest true difference that n cases show with 80% power at 5%, two-sided."""
    resamples: int
    """Of the bootstrap and of the test."""


class SliceMetricDict(EstimateDict):
    """A metric on a slice, and its difference to the baseline on the same cases."""

    difference: float | None
    difference_low: float | None
    difference_high: float | None


class SliceDict(TypedDict):
    """Some of an arm's cases: a scenario (all of its cases), or a tag (among scenario "full")."""

    kind: str
    """"scenario" or "tag"."""
    name: str
    n: int
    metrics: dict[str, SliceMetricDict]


class BeyondDict(TypedDict):
    """What the top k look like, apart from being right. Ranking cases of scenario "full"."""

    k: int
    n: int
    """Lists."""
    coverage: float | None
    """Share of the catalogue that is in some top k."""
    novelty: float | None
    """Mean of -log2(share of all interactions), bits."""
    diversity: float | None
    """Mean over lists of 1 - mean cosine of two of its items."""
    gini: float | None
    """Of how often each catalogue item is in a top k: 0 is even, 1 is all on one item."""
    log_popularity: float | None
    """Mean ln(1 + interactions) of the items in the top k."""
    target_log_popularity: float | None
    """The same of the targets."""
    unknown_items: int
    """Places taken by items that the catalogue lacks; left out of the numbers above."""


class BucketDict(TypedDict):
    """Cases whose target stood in one fifth of the list of candidates as shown."""

    first: float
    last: float
    """Bounds as shares of the list, first < place / n_candidates <= last."""
    n: int
    value: float | None
    low: float | None
    high: float | None


class AgreementDict(TypedDict):
    """How alike the orders of the same case are in scenario "full" and in a perturbed one."""

    n: int
    """Cases compared: a sample by hash of the case id."""
    tau: float | None
    """Mean Kendall's tau over the items that both orders hold: 1 for the same order, 0 for unrelated ones."""
    same_first: float | None
    """Share of cases with the same item on the first place."""


class BiasDict(TypedDict):
    """Whether the order depends on things that it should not depend on."""

    metric: str | None
    """The metric in the buckets: the first per-case ranking metric of the run."""
    by_position: list[BucketDict]
    shuffled_candidates: AgreementDict | None
    """None where the run has no such scenario."""
    reversed_candidates: AgreementDict | None
    shuffled_history: AgreementDict | None


class ContractDict(TypedDict):
    """How the arm kept to its task: sums over all its cases of all scenarios."""

    n: int
    missing: int
    duplicate: int
    invented: int
    repaired: int
    fell_back: int
    clean: int
    """Cases in which none of these happened."""


class CostDict(TypedDict):
    """What the arm took, as far as it is the same in every run. All scenarios; None for an arm without an LLM."""

    n: int
    """Cases that the LLM read."""
    prompt_tokens: int
    prompt_tokens_per_case: float
    completion_tokens: int
    completion_tokens_per_case: float
    model_calls_per_case: float
    """Prompts and dialogues, whatever the number of questions in one."""
    flops: float | None
    """2 * parameters * tokens, an estimate without attention; None where the parameters are not known."""


class TimingDict(TypedDict):
    """Wall time per case, seconds. Kept apart from the aggregates, because it differs from run to run."""

    n: int
    seconds_total: float
    seconds_p50: float | None
    seconds_p95: float | None


class CeilingDict(TypedDict):
    """How far an order of the candidates can go. Scenario "full"."""

    n: int
    """Cases with a target."""
    found: int
    """Whose target is among the candidates."""
    recall: float | None
    metrics: dict[str, float | None]
    """Each ranking metric if every target that was found stood first."""


class CalibrationBinDict(TypedDict):
    """Labelled cases with a probability in one tenth of [0, 1]; empty bins are left out."""

    n: int
    predicted: float
    """Mean probability."""
    observed: float
    """Share of label 1."""


class ArmDict(TypedDict):
    """One arm."""

    n: int
    """Outcomes of scenario "full", on which `metrics`, `comparisons`, `beyond` and `ceiling` stand."""
    metrics: dict[str, EstimateDict]
    comparisons: dict[str, ComparisonDict]
    """Against the baseline; empty for the baseline itself, or where the run names none."""
    slices: list[SliceDict]
    beyond: BeyondDict | None
    """None where the arm has no ranking cases."""
    bias: BiasDict | None
    contract: ContractDict
    cost: CostDict | None
    ceiling: CeilingDict | None
    calibration: list[CalibrationBinDict]
    """Empty unless the cases are labelled 0 or 1 and the scores are probabilities."""


class AggregateDict(TypedDict):
    """The whole of metrics.json that this package answers for."""

    baseline: str | None
    metrics: list[str]
    """In the order of the configuration."""
    higher_is_better: dict[str, bool]
    seed: int
    resamples: int
    scenarios: list[str]
    tags: list[str]
    arms: dict[str, ArmDict]
