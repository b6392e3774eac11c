"""What a report is made of: one run, its arms and their numbers, free of how a run folder stores them.

A number that is undefined is None, with the count of cases that could not give it beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A mean over cases with its 95% interval."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    """Cases that the value is made of."""
    undefined: int = 0
    """Cases that could not give a value."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """An arm's value minus another arm's, paired over the cases that both answered."""

    to: str
    value: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    """Of the paired randomisation test."""
    p_holm: float | None = None
    """Corrected over the arms that were compared."""
    n: int = 0
    detectable: float | None = None
    """The smallest difference that this many cases could show."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Slice:
    """Some of an arm's cases: a scenario, or a tag among the full ones."""

    kind: str
    """"scenario" or "tag"."""
    name: str
    n: int
    metrics: Mapping[str, Estimate]
    differences: Mapping[str, Difference]
    """To the run's baseline on the same cases, by metric."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bucket:
    """Cases whose target stood in one part of the list as shown."""

    first: float
    last: float
    """Shares of the list: first < place / length <= last."""
    estimate: Estimate


@dataclass(frozen=True, kw_only=True, slots=True)
class Popularity:
    """What an arm's top k look like, apart from being right."""

    k: int
    n: int
    log_popularity: float | None
    """Mean ln(1 + known interactions) of the items in the top k."""
    target_log_popularity: float | None
    gini: float | None
    """Of how often items are recommended: 0 is even, 1 is all on one item."""
    coverage: float | None
    novelty: float | None
    """Bits."""
    diversity: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """How alike the orders are when something changes that should not matter."""

    change: str
    n: int
    tau: float | None
    """Mean Kendall's tau."""
    same_first: float | None
    """Share of cases with the same item on the first place."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ContractTotals:
    """How an arm kept to its task, summed over its cases."""

    n: int
    missing: int
    duplicate: int
    invented: int
    repaired: int
    fell_back: int
    clean: int
    """Cases in which none of these happened."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What an arm costs per case. Times are wall times, which differ from run to run."""

    model_calls: float | None = None
    """Prompts and dialogues, whatever the number of questions in one."""
    prompt_tokens: float | None = None
    completion_tokens: float | None = None
    flops: float | None = None
    seconds_p50: float | None = None
    seconds_p95: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Ceiling:
    """How far an order of the candidates can go."""

    n: int
    found: int
    recall: float | None
    metrics: Mapping[str, float | None]
    """If every target that was found stood first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CalibrationBin:
    """Labelled cases with a probability in one tenth of [0, 1]."""

    n: int
    predicted: float
    observed: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """One arm's results in one run."""

    name: str
    llm: bool
    n: int
    """Cases of the full scenario."""
    metrics: Mapping[str, Estimate]
    differences: Mapping[str, Difference] = field(default_factory=dict)
    """By metric, to the run's baseline; empty for the baseline itself."""
    against: Mapping[str, Difference] = field(default_factory=dict)
    """Of an LLM arm on the main metric, by rival: the best arm without an LLM and the embedding baseline. Where
    that is the run's baseline it is the entry of `differences`; else p_holm is corrected over the LLM arms, of which
    the best is named."""
    slices: tuple[Slice, ...] = ()
    positions: tuple[Bucket, ...] = ()
    position_metric: str | None = None
    """What the buckets hold."""
    popularity: Popularity | None = None
    probes: tuple[Probe, ...] = ()
    contract: ContractTotals | None = None
    cost: Cost = field(default_factory=Cost)
    ceiling: Ceiling | None = None
    calibration: tuple[CalibrationBin, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """One case with what the model was asked."""

    arm: str
    case_id: str
    prompt: str
    target_title: str | None
    rank: int | None
    baseline_rank: int | None
    order_titles: tuple[str, ...]
    best: bool
    """Among the best, else among the worst."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A run folder, read."""

    folder: Path
    name: str
    dataset: str
    digest: str
    """Of the data set."""
    protocol: str | None
    cases: int
    cases_digest: str
    """Of the protocol, the scenarios and the seed; two runs with the same one answered the same questions."""
    seed: int
    resamples: int
    """Both of the run's statistics; what the report computes itself uses the same."""
    started: str | None
    commit: str | None
    dirty: bool
    hardware: str | None
    versions: Mapping[str, str]
    config: Mapping[str, object]
    metrics: tuple[str, ...]
    """In the order of the configuration."""
    higher_is_better: Mapping[str, bool]
    metric: str
    """The metric that the verdict is given on."""
    baseline: str | None
    """The arm that the differences are to."""
    known_interactions: int | None
    left_out: Mapping[str, int]
    """Cases that could not be asked, by reason."""
    arms: tuple[Arm, ...]
    """In the order of the configuration."""
    examples: tuple[Example, ...] | None
    """None where the run stored none."""
    has_costs: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportFiles:
    """The files that were written."""

    html: Path
    markdown: Path
    json: Path
