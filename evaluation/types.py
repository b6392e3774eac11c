"""What evaluation hands from stage to stage: training data, cases, outcomes.

Ranks are 1-based. Times are Unix seconds. Histories are oldest first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrieval.protocol import Vectors
from retrieval.types import Item, PastItem

FULL = "full"
"""Name of the scenario that changes nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One question to a ranker. A ranking case has a target, a labelled case a label and exactly one candidate."""

    case_id: str
    """Unique within its scenario."""
    user_id: str | None
    """A user of the training data, whose own interactions are left out of co-occurrence; None for a stranger."""
    history: tuple[PastItem, ...]
    candidates: tuple[Item, ...]
    """Distinct items in the order shown to every ranker."""
    target: str | None = None
    """Id of the item that was taken. End to end it need not be among the candidates; otherwise it is."""
    label: float | None = None
    """0 or 1 for a labelled case, the rating for a rating case."""
    scenario: str = FULL
    """"full", or the change that made this case from a full one, such as "history-3"."""
    tags: tuple[str, ...] = ()
    """Slices this case belongs to, such as "target-tail" or "target-new"; sorted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """What every arm may know: the catalogue and the interactions of the training part, as parallel columns."""

    items: Mapping[str, Item]
    """The whole catalogue, in the order of `item_ids`."""
    item_ids: tuple[str, ...]
    """Sorted."""
    user_ids: tuple[str, ...]
    """Sorted; the users with at least one interaction."""
    user_index: npt.NDArray[np.int32]
    """Into user_ids; the columns are sorted by user, then time, then item id."""
    item_index: npt.NDArray[np.int32]
    """Into item_ids."""
    timestamps: npt.NDArray[np.float64]
    liked: npt.NDArray[np.bool_]
    ratings: npt.NDArray[np.float64]
    """NaN for implicit feedback."""
    vectors: Vectors
    """Unit rows from the Chroma index, shape (n_items, dimension), in the order of item_ids."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Contract:
    """How an arm kept to its task: an order of exactly the candidates it was given."""

    missing: int = 0
    duplicate: int = 0
    invented: int = 0
    repaired: int = 0
    """Places of the order that had to be filled in by something else than the arm."""
    fell_back: bool = False
    """The LLM did not rank; retrieval's order stands."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LlmTrace:
    """What the LLM saw and said for one case."""

    prompt_digest: str
    """SHA-256 of the rendered prompt with all its branches, first 16 hex digits."""
    raw: tuple[tuple[float, ...], ...]
    """Per candidate, in their order: its label logits, as (affirmative, other), or (title log-probability,)."""
    llm_scores: tuple[float, ...]
    """The strategy's score per candidate, before fusion."""
    prompt_tokens: int
    parameters: int | None
    """Weights of the model that read it; None where its server does not say."""
    history_shown: int
    demonstrations_shown: int
    dropped_history: int
    dropped_demonstrations: int
    written: tuple[str, ...] = ()
    """What the model wrote, as it came; empty where it only weighed labels or texts."""
    agreement: float | None = None
    """Mean of Kendall's tau between its answers to several orders of the candidates; None where there was one."""
    model_calls: int = 0
    """Prompts and dialogues it was given."""
    completion_tokens: int = 0
    """Tokens it wrote."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranked:
    """An arm's answer to one case."""

    scores: tuple[float, ...]
    """One per candidate in the case's order, higher is better; finite."""
    contract: Contract = Contract()
    llm: LlmTrace | None = None
    seconds: float = 0.0
    """Wall time of this case, its share of a batch; never part of an aggregate that must be reproducible."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """One line of a run's journal: what an arm made of a case. Holds all that metrics and reports need."""

    arm: str
    case_id: str
    scenario: str
    tags: tuple[str, ...]
    n_history: int
    n_candidates: int
    order: tuple[str, ...]
    """Item ids, best first; the first 100."""
    rank: int | None
    """The target's place in the whole order; None where it was not among the candidates or there is no target."""
    target: str | None
    target_position: int | None
    """The target's place among the candidates as shown, 1-based."""
    label: float | None
    score: float | None
    """A labelled case's one score (a probability where the arm gives one, else unbounded); None for ranking cases."""
    ranked: Ranked
