"""What tuning takes and gives: examples, progress, and what became of a run. No torch here."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from prompts.types import PromptContext
from ranking.errors import TuningError
from ranking.tuning.manifest import AdapterManifest, Ended


@dataclass(frozen=True, kw_only=True, slots=True)
class TuningExample:
    """A list of candidates with what is known of each: what one step of tuning, or one validation case, is made of.

    Raises TuningError, naming the example, if the lengths differ, a number is not finite, or a relevance is outside
    [0, 1].
    """

    example_id: str
    """Unique among the examples of a run: order and drawn negatives are derived from it."""
    context: PromptContext
    relevance: tuple[float, ...]
    """Of each candidate of the context, in order, in [0, 1]; one 1 and otherwise 0 is the usual kind."""
    offsets: tuple[float, ...] | None = None
    """Score of the frozen signals for each candidate, in logits: the model then learns to add to it."""

    def __post_init__(self) -> None:
        n = len(self.context.candidates)
        if len(self.relevance) != n or (self.offsets is not None and len(self.offsets) != n):
            offsets = "" if self.offsets is None else f" and {len(self.offsets)} offsets"
            raise self._refused(f"has {n} candidates but {len(self.relevance)} relevances{offsets}")
        if not all(math.isfinite(value) for value in (*self.relevance, *(self.offsets or ()))):
            raise self._refused("has a relevance or an offset that is not a finite number")
        if not all(0 <= value <= 1 for value in self.relevance):
            raise self._refused("has a relevance outside [0, 1]")

    def check_order(self) -> None:
        """Raises TuningError if no candidate is more relevant than another: such a list teaches and tells no order."""
        if len(set(self.relevance)) < 2:
            raise self._refused("has no candidate that is more relevant than another, so there is nothing to learn")

    def _refused(self, what: str) -> TuningError:
        return TuningError(f"example {self.example_id!r} {what}; leave it out or mend it")


@dataclass(frozen=True, kw_only=True, slots=True)
class Validation:
    """One look at the validation examples."""

    step: int
    """Steps done before it; 0 is the model as it started."""
    n: int
    """Number of examples."""
    loss: float
    """Mean loss, over whole lists."""
    train_loss: float | None
    """Mean loss of the steps since the last look; None at step 0."""
    ndcg: float
    """Mean NDCG@10 of the order by model score, with the offsets added where there are any; decides what is kept."""
    ndcg_alone: float
    """Mean NDCG@10 of the order by model score alone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Progressed:
    """Where a run stands."""

    step: int
    steps: int
    loss: float | None
    """Mean loss of the step's examples; None before the first step."""
    validation: Validation | None
    """The latest one; None where there are no validation examples."""
    seconds_left: float | None
    """Guess from the pace so far; None before there is one."""


OnProgress: TypeAlias = Callable[[Progressed], None]
"""Called after every step and every look at the validation examples. A KeyboardInterrupt in it ends the run cleanly."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """What the adapter folder shall say of where the adapter comes from; tuning does not go by it."""

    name: str
    """The adapter's name, shown in answers."""
    data: Mapping[str, str] = field(default_factory=dict)
    """Digest of each data set by its name."""
    data_terms: str | None = None
    """Terms of use of the data."""
    command: str | None = None
    """What makes the adapter anew."""
    seeds: Mapping[str, int] = field(default_factory=dict)
    """Further seeds that went into the examples, by purpose."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tuned:
    """A finished run and its adapter folder."""

    folder: Path
    manifest: AdapterManifest
    ended: Ended
    """interrupted: the adapter is the best so far, and the same call goes on from where it stopped."""
    steps: int
    """Steps done."""
    best_step: int
    """The step after which the kept adapter was taken."""
    validations: tuple[Validation, ...]
    """In order of steps, the model as it started first; empty without validation examples."""
    notes: tuple[str, ...]
    """What a reader must know: examples left out, and why."""
    seconds: float
    """Wall time of this call."""
