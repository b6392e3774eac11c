"""What prompts take and give: a context to render, and a prompt with one slot that every candidate fills in turn."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from retrieval.types import Demonstration, Item, PastItem, User

Role: TypeAlias = Literal["system", "user", "assistant"]
CountTokens: TypeAlias = Callable[[str], int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One complete turn of the conversation shown to the model."""

    role: Role
    content: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptContext:
    """What is to be put into words."""

    history: tuple[PastItem, ...]
    """The past items to show, oldest first (already selected)."""
    candidates: tuple[Item, ...]
    demonstrations: tuple[Demonstration, ...] = ()
    user: User | None = None
    query: str | None = None
    lead_words: int = 0
    """Words of each candidate's description that stand after its title, as prompts.lead takes them; 0 is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenBudget:
    """How long a prompt with its longest candidate may be, counted by the engine's own tokenizer."""

    max_tokens: int
    count_tokens: CountTokens


@dataclass(frozen=True, kw_only=True, slots=True)
class Dropped:
    """What did not fit or had to be changed. All zero means the prompt holds everything it was given."""

    history: int = 0
    """Oldest past items left out to fit the budget."""
    demonstrations: int = 0
    """Demonstrations left out to fit the budget."""
    clipped: int = 0
    """Texts (titles, attributes, the query) cut at their maximum length; the query also to fit the budget."""
    neutralised: int = 0
    """Texts in which control tokens or control characters were made harmless."""
    summarised: int = 0
    """Candidates of whose description only the first sentences are shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TemplateRef:
    """Which template made a prompt; goes into every answer and every run."""

    name: str
    version: int
    language: str
    digest: str
    """First 12 hex digits of the SHA-256 of the template file's content."""

    @property
    def label(self) -> str:
        """All of it in words."""
        return f"{self.name} {self.version} ({self.language}, {self.digest})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompt:
    """A conversation with one slot. Everything but the slot is shared by all candidates.

    The conversation is `messages`, then one more turn of role `slot_role` whose content is
    `before + branch + after`. With slot_role "user" the assistant's turn is then opened with `answer` and left open:
    the model is asked for what comes next (one of `labels`). With slot_role "assistant" that turn is left open after
    `after`, and `answer` is empty: one of `labels` is asked for next, or without labels the branch's own likelihood.
    """

    messages: tuple[Message, ...]
    slot_role: Literal["user", "assistant"]
    before: str
    branches: tuple[str, ...]
    """What fills the slot: each candidate, in the context's order, or each group of candidates to choose from; each
    starts with its own space or line break."""
    after: str
    answer: str
    labels: tuple[str, ...] | None
    """The answers compared, two or more, each one token that starts with the space it is tokenized with; of a yes-no
    question the affirmative one first."""
    template: TemplateRef
    dropped: Dropped

    @property
    def digest(self) -> str:
        """First 16 hex digits of the SHA-256 of everything the model is shown, in order."""
        shown: list[tuple[str, ...]] = [
            *((message.role, message.content) for message in self.messages),
            (self.slot_role, self.before, *self.branches, self.after, self.answer, *(self.labels or ())),
        ]
        return _digest(shown)


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialogue:
    """A conversation that the model is to go on with in its own words.

    With an empty `answer` the assistant's turn comes next; else that turn is opened with `answer` and left open, and
    what the model writes goes on from there.
    """

    messages: tuple[Message, ...]
    answer: str
    template: TemplateRef
    dropped: Dropped

    @property
    def digest(self) -> str:
        """First 16 hex digits of the SHA-256 of everything the model is shown, in order."""
        return _digest([*((message.role, message.content) for message in self.messages), (self.answer,)])


def _digest(shown: Sequence[Sequence[str]]) -> str:
    return hashlib.sha256(json.dumps(shown, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()[:16]
