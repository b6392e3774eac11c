"""What the record hands back about itself and its changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from retrieval.record.ads.types import AdShow
from retrieval.types import Interaction, User

IndexedKind: TypeAlias = Literal["items", "interactions", "demonstrations"]
FeedbackKind: TypeAlias = Literal["view", "click", "like", "dislike", "buy", "dismiss"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """What one write did, counted over distinct ids (an id given twice counts once, its last row wins)."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """Rows in the record."""

    items: int
    users: int
    interactions: int


@dataclass(frozen=True, kw_only=True, slots=True)
class InteractionColumns:
    """All interactions as parallel columns, sorted by user id, then time, then item id.

    `user_ids` and `item_ids` are the sorted ids that occur in at least one interaction; the index columns point
    into them.
    """

    record_id: str
    version: int
    """The record and its version that were read."""
    read_at: int
    """The version at which all was read; what changed since was merged in."""
    user_ids: tuple[str, ...]
    item_ids: tuple[str, ...]
    user_index: npt.NDArray[np.int32]
    item_index: npt.NDArray[np.int32]
    timestamps: npt.NDArray[np.float64]
    liked: npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """A liked interaction with enough liked ones before it to be shown as a demonstration."""

    user_id: str
    item_id: str
    chosen_at: float
    before: tuple[str, ...]
    """Up to ten liked item ids just before the choice, oldest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexCounts:
    """Entries per collection of the index."""

    items: int
    interactions: int
    demonstrations: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownList:
    """A list that was handed out, and what produced it; never the prompt's text."""

    request_id: str
    user_id: str | None
    """None for a stranger."""
    door: str
    """Which way it was asked for: "recommend", "session", "similar", …"""
    asked_at: float
    item_ids: tuple[str, ...]
    """Best first: the first has rank 1."""
    ranked_by: str
    rung: str | None = None
    """How much of what the settings ask for was done, as the answer told; None where nothing was to be ranked."""
    strategy: str | None = None
    template: str | None = None
    """Name, version and language of the prompt template, and its digest."""
    prompt_digest: str | None = None
    model: str | None = None
    adapter: str | None = None
    scenario: str | None = None
    """The scenario that was asked for; None where none was."""
    experiment: str | None = None
    """The experiment that the list is part of."""
    arm: str | None = None
    """The experiment's arm that made it; None where two arms did together."""
    teams: tuple[str, ...] | None = None
    """In that case the arm that picked each item."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownItems:
    """What a list held, to be counted; the fields are those of ShownList."""

    request_id: str
    asked_at: float
    item_ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class LoggedPrompts:
    """What the model was shown for a list."""

    request_id: str
    user_id: str | None
    asked_at: float
    prompts: str
    """A JSON list, in the order of asking."""
    shows_others: bool
    """Whether demonstrations, which are of other users, are among it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Feedback:
    """What a user did with an item."""

    feedback_id: str
    user_id: str
    item_id: str
    kind: FeedbackKind
    timestamp: float
    request_id: str | None = None
    """The list that showed the item; None where none did."""
    rank: int | None = None
    """Its place in that list, 1 is best."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """Feedback as it is stored."""

    feedback: Feedback
    repeated: bool
    """It was stored before, and nothing changed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UserExposure:
    """What a user saw and did in an arm of an experiment."""

    arm: str | None
    """None for lists that two arms made together."""
    user_id: str
    n_lists: int
    n_clicked: int
    """Lists of which the user clicked at least one item."""
    n_liked: int
    """Lists of which the user liked or bought at least one item."""
    n_degraded: int
    """Lists on a lower rung than "full"."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Credit:
    """A user took an item of an interleaved list."""

    user_id: str
    team: str
    """The arm that had picked it."""
    liked: bool
    """Liked or bought, not clicked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonalCopy:
    """All that the record holds of a user, each part oldest first."""

    user: User
    interactions: tuple[Interaction, ...]
    demonstrations: tuple[Choice, ...]
    shown: tuple[ShownList, ...]
    feedback: tuple[Feedback, ...]
    sponsored: tuple[AdShow, ...]
    """What was shown to them for money."""
    prompts: tuple[LoggedPrompts, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ErasedList:
    """How many rows were deleted with one list: 0 or 1 of each."""

    shown: int
    prompts: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ErasedRows:
    """How many rows went with deleted users."""

    users: int
    interactions: int
    demonstrations: int
    shown: int
    feedback: int
    sponsored: int
    prompts: int
    """Logged ones: theirs, and all that showed demonstrations, which may be theirs."""
