"""What a run asks for: which part of the data is held out, among which candidates, and in which variants."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeAlias, TypeVar

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from retrieval.config import Section


class LeaveOneOut(Section):
    """Per user the last target is the test, the one before it the validation."""

    kind: Literal["leave-one-out"] = "leave-one-out"


class GlobalTime(Section):
    """One moment for all users: what happens from it on is asked for, nothing from it on is known."""

    kind: Literal["global-time"] = "global-time"
    quantile: float = Field(default=0.9, gt=0, lt=1)
    """Share of the interactions that lie before the test."""
    validation_quantile: float = Field(default=0.8, gt=0, lt=1)
    """Share of the interactions that lie before the validation, which ends where the test begins."""
    per_user: Literal["first", "all"] = "first"
    """first: only the first target of a user in each part. all: every one, from what was known at the cut."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.validation_quantile >= self.quantile:
            raise ValueError("validation_quantile must be below quantile: the validation lies before the test")
        return self


class RandomSplit(Section):
    """Every interaction falls into a part by a hash of the seed, its user and its item, so shares are approximate."""

    kind: Literal["random"] = "random"
    by: Literal["interaction", "item"] = "interaction"
    """item: by a hash of the seed and the item alone, so that what is asked for was never seen in training."""
    train: float = Field(default=0.6, gt=0, lt=1)
    validation: float = Field(default=0.2, ge=0, lt=1)
    test: float = Field(default=0.2, gt=0, lt=1)
    refit: bool = False
    """Whether the validation part is known when the test is asked. Published 60/20/20 numbers train on the 60."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if abs(self.train + self.validation + self.test - 1) > 1e-9:
            raise ValueError("train, validation and test must add up to 1")
        return self


class GivenSplit(Section):
    """The data set's own split."""

    kind: Literal["given"] = "given"


def _named(value: Any) -> Any:
    """`split: random` is short for `split: {kind: random}`."""
    return {"kind": value} if isinstance(value, str) else value


SplitConfig: TypeAlias = Annotated[
    Annotated[LeaveOneOut | GlobalTime | RandomSplit | GivenSplit, Field(discriminator="kind")],
    BeforeValidator(_named),
]


class Negatives(Section):
    """The other candidates of a sampled case."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True)

    n: int = Field(default=19, ge=1, le=100_000)
    """How many; without meaning for `given`."""
    source: Literal["unseen", "llmrank", "given"] = Field(default="unseen", alias="from")
    """unseen: uniform over what the user never interacted with. llmrank: uniform over the whole catalogue without the
    target, so that items of the history may be among them. given: the data set's own lists."""
    shuffle: bool = True
    """Show the candidates in a seeded random order; false keeps the order of given lists."""

    @model_validator(mode="after")
    def _unbiased(self) -> Self:
        if not self.shuffle and self.source != "given":
            raise ValueError("shuffle: false is for given candidates only: drawn ones would betray the target")
        return self


class _Common(Section):
    """What every protocol can be told. Limits are applied in this order: rows, min_history, users."""

    target: Literal["any", "liked"] = "any"
    """Which interactions can be asked for: all, or only liked ones."""
    rows: tuple[int, int] | None = None
    """First row and the row after the last, of the data set's own order; None for all."""
    min_history: int = Field(default=0, ge=0)
    """Cases with a shorter history are left out and counted."""
    users: int | None = Field(default=None, ge=1)
    """A seeded sample of at most so many users with all their cases; None for all. The same whatever their order."""
    validation_users: int | None = Field(default=500, ge=1)
    """At most so many users, sampled likewise, in the validation part, to which rows and users do not apply."""

    @model_validator(mode="after")
    def _rows_in_order(self) -> Self:
        if self.rows is not None and not 0 <= self.rows[0] < self.rows[1]:
            raise ValueError(
                f"rows: [{self.rows[0]}, {self.rows[1]}] is empty; give [first, stop] with 0 <= first < stop"
            )
        return self


_Asker = TypeVar("_Asker", bound=_Common)


class Sampled(_Common):
    """Re-ranking: the target and sampled negatives."""

    kind: Literal["sampled"] = "sampled"
    split: SplitConfig = LeaveOneOut()
    negatives: Negatives = Negatives()


class EndToEnd(_Common):
    """Candidates as served, over the whole catalogue. The target is not guaranteed to be among them."""

    kind: Literal["end-to-end"] = "end-to-end"
    split: SplitConfig = LeaveOneOut()
    source: Literal["retrieval", "whole-catalogue", "given"] = "retrieval"
    """Where the candidates come from; given: the data set's own lists in their own order."""
    depth: int = Field(default=50, ge=1, le=100_000)
    """How many candidates retrieval gives."""
    missed: Literal["rank", "skip"] = "rank"
    """Whether an LLM is asked the cases whose target is not among the candidates. Accuracy is 0 there whatever the
    order; with skip the order that retrieval gave stands for these, which saves most of the time."""
    seen: bool = False
    """Whether items of the history may be candidates."""


def _asks_all(protocol: _Asker) -> _Asker:
    if protocol.target != "any":
        raise ValueError("target: liked leaves out what was not liked, which this protocol asks for; leave target out")
    return protocol


class Labelled(_Common):
    """One candidate a case, with a label of 0 or 1."""

    kind: Literal["labelled"] = "labelled"
    split: SplitConfig = RandomSplit()
    threshold: float | None = None
    """Ratings from here on are label 1; None takes the data set's own idea of liked."""

    @model_validator(mode="after")
    def _both_classes(self) -> Self:
        return _asks_all(self)


class RatingPrediction(_Common):
    """One candidate a case; its label is the rating on the data set's own scale."""

    kind: Literal["rating"] = "rating"
    split: SplitConfig = RandomSplit()

    @model_validator(mode="after")
    def _all_ratings(self) -> Self:
        return _asks_all(self)


ProtocolConfig: TypeAlias = Annotated[
    Sampled | EndToEnd | Labelled | RatingPrediction,
    Field(discriminator="kind"),
]


class CrossDomain(Section):
    """A history in one domain, a target and candidates in another."""

    history: str
    target: str

    @property
    def name(self) -> str:
        """The scenario's name."""
        return f"cross-domain-{self.history}-{self.target}"


class ScenarioConfig(Section):
    """Variants of each full case, asked beside it under the same case id."""

    history: tuple[Annotated[int, Field(ge=0)], ...] = ()
    """Histories cut to their latest so many entries: "history-3" and so on. The candidates stay."""
    cross_domain: tuple[CrossDomain, ...] = ()
    shuffled_candidates: int = Field(default=0, ge=0)
    """The first so many cases once more with their candidates in another seeded order: "shuffled-candidates"."""
    reversed_candidates: int = Field(default=0, ge=0)
    """The first so many cases once more with their candidates from last to first: "reversed-candidates"."""
    shuffled_history: int = Field(default=0, ge=0)
    """The first so many cases once more with their history in another seeded order: "shuffled-history"."""

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len(set(self.history)) < len(self.history) or len(set(self.cross_domain)) < len(self.cross_domain):
            raise ValueError("a scenario is named twice")
        return self
