"""What ranking produces: model scores for prompts, and the recommendation that every door hands out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from prompts.types import Dropped, TemplateRef
from ranking.ads.types import Sponsored
from ranking.arrangement.change import Change
from retrieval.types import Item, Retrieved, Signals, User, Vote

Capability: TypeAlias = Literal["labels", "likelihood", "generate", "constrained"]
"""What an engine can do: weigh labels, measure a text's likelihood, write text, keep what it writes to a form."""


Rung: TypeAlias = Literal["full", "fewer", "retrieval", "popular"]
"""How much of what the settings ask for an answer is: all; the LLM ranked only the first candidates; retrieval's order;
what most people take."""
Cause: TypeAlias = Literal["deadline", "busy", "engine", "breaker", "index"]
"""Why an answer is less: out of time; too many wait for the model; the model failed; it failed lately and is left
alone; the index failed or is left alone."""


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
    parameters: int | None
    """How many weights the model has; None where a server does not say."""
    tuned: TunedPrompts | None = None
    """What the adapter knows best; None without an adapter."""
    capabilities: frozenset[Capability] = frozenset({"labels", "likelihood"})
    route: str | None = None
    """How the engine reaches the model where it had a choice, such as "logprob_token_ids"; None where it had none."""
    shares_prefix: bool = True
    """Whether the questions of a prompt are read behind one shared beginning; over a chat API each is read whole."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BranchScore:
    """What the model says of one branch of a prompt."""

    label_logits: tuple[float, ...] | None
    """Logits of the prompt's labels after the branch, in their order; None for a prompt without labels. Only their
    differences count, so an engine may give log-probabilities."""
    text_logprob: float | None
    """Sum of the log-probabilities of the branch's own tokens; None for a prompt with labels."""
    n_tokens: int
    """Tokens of the branch, for a prompt with labels with the closing part that follows it."""
    unseen: tuple[int, ...] = ()
    """Places of labels that a server did not tell the logit of; what stands there is an upper bound."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptScores:
    """One prompt's branches, scored, in the order of its branches."""

    branches: tuple[BranchScore, ...]
    prefix_tokens: int
    """Tokens of the shared prefix."""
    cached_tokens: int
    """How many of those came from the prefix cache instead of being computed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineLoad:
    """How busy an engine is, and what it did since it was opened."""

    waiting: int
    """Calls that wait for the model."""
    prefix_tokens: int
    """Tokens of prompts' shared prefixes."""
    cached_tokens: int
    """How many of those came from the prefix cache."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Permutation:
    """A form of output: the numbers 1 to n, each once, in any order, separated by ", "."""

    n: int


@dataclass(frozen=True, kw_only=True, slots=True)
class JsonShape:
    """A form of output: one JSON value that a JSON Schema (2020-12) describes."""

    schema: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class GenerationLimits:
    """How much an engine may write and in which form. It always writes the likeliest token (greedy)."""

    max_tokens: int
    """Tokens written at most."""
    constraint: Permutation | JsonShape | None = None
    """The form asked for. An engine that cannot hold the model to it writes freely and says so in its Completion."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """What the model wrote for one dialogue."""

    text: str
    """As written after the opened answer, control tokens left out; nothing else is changed."""
    prompt_tokens: int
    completion_tokens: int
    finished: Literal["stop", "length"]
    """Whether the model came to an end, or was cut at max_tokens."""
    constrained: bool
    """Whether the engine held the model to the constraint; False too if there was none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ParseReport:
    """How far a written order was an order of exactly the candidates, before it was made one."""

    missing: int = 0
    """Candidates it left out."""
    duplicate: int = 0
    """Mentions of a candidate after its first."""
    invented: int = 0
    """Mentions of something that is no candidate."""
    repaired: int = 0
    """Places of the order that were filled in by something else than the model."""
    fell_back: bool = False
    """Nothing could be read: the order given to the model stands."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """What the model wrote, and what was read from it."""

    completion: Completion
    report: ParseReport


@dataclass(frozen=True, kw_only=True, slots=True)
class StrategyScores:
    """A strategy's verdict on the candidates it was given, in their order; higher is better."""

    scores: tuple[float, ...]
    branches: tuple[BranchScore, ...] | None
    """What the model said of each candidate, before it became a score; None where it saw several at once or wrote."""
    prompt_digest: str
    """Of the prompt that was read, the first one if there were several; see Prompt.digest and Dialogue.digest."""
    template: TemplateRef
    dropped: Dropped
    prompt_tokens: int
    """Tokens the model read for this answer, cached ones included."""
    model_calls: int
    """Prompts and dialogues that the model was given, whatever their number of branches."""
    completion_tokens: int = 0
    """Tokens the model wrote."""
    outputs: tuple[Written, ...] = ()
    """What the model wrote, in the order it was asked; empty where it only weighed labels or texts."""
    agreement: float | None = None
    """How far the answers to several orders of the candidates agree: mean of Kendall's tau over all pairs of them, from
    1 (one order) through 0 (chance) to -1; None where there was one."""


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
    """What the model said of the item, before it became a score; None if the LLM did not rank, or said nothing of this
    item alone."""
    retrieval_rank: int
    parts: tuple[FusionPart, ...]
    votes: tuple[Vote, ...]
    signals: Signals
    reason: Reason | None = None
    team: str | None = None
    """The arm that picked it, in an interleaved list."""
    probability: float | None = None
    """Calibrated chance that the user takes the item next; None where none was fitted for such scores."""


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
    """"llm", "signals" (the LLM has no weight), "retrieval" or "popularity": who decided the order; "interleaving"
    where two arms did, each in another of these ways."""
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
    completion_tokens: int = 0
    """Tokens the LLM wrote."""
    outputs: tuple[Written, ...] = ()
    """What the LLM wrote and what was read from it; empty where it did not write."""
    agreement: float | None = None
    """As in StrategyScores."""
    notes: tuple[str, ...]
    """What a reader must know: contexts cut, texts changed, fewer items than asked for."""
    stages: tuple[Stage, ...]
    rung: Rung = "full"
    reason: Cause | None = None
    """Why this is less than the settings ask for, a lower rung or missing reasons; None where it is not."""
    experiment: str | None = None
    """The experiment that the list is part of; None where it is part of none."""
    arm: str | None = None
    """The arm that ranked; None outside of experiments and where two arms did."""
    retrieved: Retrieved | None = field(default=None, compare=False, repr=False)
    """All candidates, what they were found by, and the evidence for them; None where nobody keeps it."""
    scenario: str | None = None
    """The scenario that was asked for; None where none was."""
    changes: tuple[Change, ...] = ()
    """What put items elsewhere than ranking did, or left them out."""
    sponsored: tuple[Sponsored, ...] = ()
    """What is shown for money beside `items`, which know nothing of it; by slot."""

    @property
    def degraded(self) -> bool:
        """Whether this is less than the settings ask for, because something was slow, busy or down."""
        return self.reason is not None
