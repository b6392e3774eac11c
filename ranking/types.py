"""What ranking produces: model scores for prompts, and the recommendation that every door hands out."""

from __future__ import annotations

from dataclasses import dataclass

from prompts.types import Dropped, TemplateRef
from retrieval.types import Item, Signals, User, Vote


@dataclass(frozen=True, kw_only=True, slots=True)
class TunedPrompts:
    """How the prompts were made that an adapter was tuned on."""

    strategy: str
    template: TemplateRef


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineInfo:
    """Which model answers, and where. Stored with every answer and every run."""

    engine: str
    model: str
    revision: str
    """Digest of the weights, or the hub revision."""
    adapter: str | None
    device: str
    dtype: str
    max_context: int
    """Longest sequence of tokens the model reads."""
    parameters: int
    """How many weights the model has."""
    tuned: TunedPrompts | None = None
    """What the adapter knows best; None without an adapter."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BranchScore:
    """What the model says of one branch of a prompt."""

    label_logits: tuple[float, float] | None
    """Logits of the prompt's two labels after the branch; None for a prompt without labels."""
    text_logprob: float | None
    """Sum of the log-probabilities of the branch's own tokens; None for a prompt with labels."""
    n_tokens: int
    """Tokens of the branch, for a prompt with labels with the closing part that follows it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptScores:
    """One prompt's branches, scored, in the order of its branches."""

    branches: tuple[BranchScore, ...]
    prefix_tokens: int
    """Tokens of the shared prefix."""
    cached_tokens: int
    """How many of those came from the prefix cache instead of being computed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StrategyScores:
    """A strategy's verdict on the candidates it was given, in their order; higher is better."""

    scores: tuple[float, ...]
    branches: tuple[BranchScore, ...]
    """What the model said of each candidate, before it became a score."""
    prompt_digest: str
    """Of the prompt that was read; see Prompt.digest."""
    template: TemplateRef
    dropped: Dropped
    prompt_tokens: int
    """Tokens the model read for this answer, cached ones included."""
    model_calls: int


@dataclass(frozen=True, kw_only=True, slots=True)
class FusionPart:
    """One term of a fused score: weight times standardised value."""

    name: str
    value: float | None
    """As measured; None where it could not be measured (its contribution is then 0)."""
    weight: float
    contribution: float


@dataclass(frozen=True, kw_only=True, slots=True)
class HistoryInfluence:
    """How much one past item moved a recommended item, measured by leaving it out of the prompt."""

    item_id: str
    title: str
    score_change: float
    """LLM score with the item in the history minus the score without it; positive means it moved the item up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """Facts behind one recommended item, and a sentence made of these facts only."""

    text: str
    because: tuple[HistoryInfluence, ...]
    shared: tuple[str, ...]
    """Attributes in common with those past items, such as "genres: Comedy"."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RankedItem:
    """One place of the list."""

    item: Item
    rank: int
    score: float
    """Fused score; comparable within one list only."""
    llm_score: float | None
    """The strategy's score; None if the LLM did not rank this item."""
    llm_branch: BranchScore | None
    """What the model said of the item, before it became a score; None if the LLM did not rank."""
    retrieval_rank: int
    parts: tuple[FusionPart, ...]
    votes: tuple[Vote, ...]
    signals: Signals
    reason: Reason | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """Wall time of one stage."""

    name: str
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Recommendation:
    """The answer, and everything needed to say how it came about."""

    request_id: str
    user: User | None
    items: tuple[RankedItem, ...]
    requested: int
    """How many items were asked for; fewer come back only if `notes` says why."""
    ranked_by: str
    """"llm", "signals" (the LLM has no weight) or "retrieval": who decided the order."""
    n_candidates: int
    n_history: int
    n_history_shown: int
    n_demonstrations: int
    engine: EngineInfo | None
    strategy: str | None
    template: TemplateRef | None
    prompt_digest: str | None
    """Ties the answer to the exact prompt; None if the LLM did not rank."""
    dropped: Dropped
    prompt_tokens: int
    model_calls: int
    notes: tuple[str, ...]
    """What a reader must know: contexts cut, texts changed, fewer items than asked for."""
    stages: tuple[Stage, ...]
