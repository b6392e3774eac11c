"""What retrieval reads and hands on: the catalogue's records, a query, candidates and examples.

Times are Unix seconds (float, UTC) everywhere. Sequences of past items are oldest first. Ranks are 1-based.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from retrieval.filters import Filter

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from retrieval.words import Match

AttributeValue: TypeAlias = str | float | bool | tuple[str, ...]
"""One attribute of an item or a user: text, a number, a truth value, or a list of words (genres, people)."""

Attributes: TypeAlias = Mapping[str, AttributeValue]

_UNSEEN = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
"""Unicode's categories of controls, formats and white space."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """A thing that can be recommended. Its title and attributes are untrusted text."""

    item_id: str
    title: str
    domain: str = "items"
    description: str | None = None
    attributes: Attributes = field(default_factory=dict)
    added_at: float | None = None
    """When the item appeared in the catalogue; None where nobody said."""
    hidden: bool = False
    """Never recommended, though it stays in histories: out of stock, taken down."""
    expires_at: float | None = None
    """From then on it is not recommended; None is never."""


@dataclass(frozen=True, kw_only=True, slots=True)
class User:
    """Somebody who can be recommended to. Attributes may be empty."""

    user_id: str
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Interaction:
    """One user did something with one item. A pair is stored once; a later write of the pair replaces it."""

    user_id: str
    item_id: str
    timestamp: float
    liked: bool = True
    """Above the stated threshold for ratings; always true for implicit feedback."""
    rating: float | None = None
    """The rating as given, on the data's own scale; None for implicit feedback."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PastItem:
    """One entry of a user's history: the item and what the user did with it."""

    item: Item
    timestamp: float
    liked: bool = True
    rating: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Demonstration:
    """Another user's history and the item they chose next, as shown in a prompt (an in-context example)."""

    demonstration_id: str
    user_id: str
    history: tuple[PastItem, ...]
    chosen: Item
    chosen_at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """What somebody asks of the recommender. Without user_id and without text it is a request for popular items."""

    user_id: str | None = None
    text: str | None = None
    filters: tuple[Filter, ...] = ()
    exclude: frozenset[str] = frozenset()
    """Item ids that must not come back, beside the items the user has seen."""
    domain: str | None = None
    """Only items of this domain; None for all."""
    as_of: float | None = None
    """The moment of the request: nothing later may be used. None is now."""
    history: tuple[PastItem, ...] | None = None
    """What the user did, oldest first, instead of what the record knows: for a stranger's session, or for asking what
    would come back if less were known. None takes the record's."""

    @property
    def words(self) -> str | None:
        """The text without outer white space; None where there is none, or nothing of it can be seen."""
        text = (self.text or "").strip()
        return text if any(unicodedata.category(mark) not in _UNSEEN for mark in text) else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Vote:
    """That a source proposed a candidate, at which rank of its own list (1 is best) and with which score."""

    source: str
    rank: int
    score: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Signals:
    """Retrieval's own evidence for one candidate; None where there is nothing to measure it on."""

    similarity_max: float | None = None
    """Largest cosine between the candidate and one of the user's liked recent items, in [-1, 1]."""
    similarity_mean: float | None = None
    """Cosine between the candidate and the mean of the user's liked recent items, in [-1, 1]."""
    query_similarity: float | None = None
    """Cosine between the candidate and the query's text, or else, of a user who liked nothing yet, what their profile
    says of their taste; in [-1, 1]."""
    cooccurrence: float | None = None
    """Recency-weighted item-to-item cosine of co-occurrence with the user's items, 0 and up."""
    latent: float | None = None
    """Cosine with the recency-weighted sum of the user's items by latent factors of who took what, in [-1, 1]."""
    bm25: float | None = None
    """BM25 of the candidate's title and attributes for the words of the user's liked items, 0 and up."""
    interactions_per_item: float = 0.0
    """Over all items that anybody took before the request: how much latent factors have to go by. The same for all
    candidates of a request."""
    log_popularity: float = 0.0
    """log(1 + number of other users who interacted with the candidate before the request)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """An item that could be recommended, why it is here, and the evidence for it."""

    item: Item
    rank: int
    """Place after the sources' lists were joined, 1 is best."""
    score: float
    """Weighted reciprocal-rank score of the join; comparable within one list only."""
    votes: tuple[Vote, ...] = ()
    signals: Signals = Signals()


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What the signals of any item are measured by, for one request. Arrays have shape (n_items,), by `places`."""

    items: Mapping[str, Item]
    """The catalogue when the request came, another object where an item has changed; or what was given from outside.
    Do not change it."""
    liked: Mapping[str, npt.NDArray[np.float32]]
    """Vectors, shape (dimension,), of the latest liked items that are indexed, by item id."""
    places: Mapping[str, int]
    """Where an item stands in the arrays; items that nobody ever took are absent."""
    users: Callable[[], npt.NDArray[np.float64]]
    """Gives how many others took each item before the request."""
    together: npt.NDArray[np.float64] | None
    """Co-occurrence with the user's history; None where there is none."""
    alike: npt.NDArray[np.float64] | None
    """Latent closeness to the user's history, NaN for items without factors; None where there is none."""
    worded: Match | None
    """Words in common with what the user liked; None where there are none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Retrieved:
    """Everything a ranker needs to know about one query."""

    query: Query
    as_of: float
    user: User | None
    history: tuple[PastItem, ...]
    """All of the user's interactions before as_of, oldest first."""
    candidates: tuple[Candidate, ...]
    """Best first by the joined score; ties by item id."""
    evidence: Evidence | None = field(default=None, compare=False, repr=False)
    """For measuring the signals of more items; None where nobody gathered it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PossibleUser:
    """A user whom an item could be for, and why they are here."""

    user_id: str
    history: tuple[PastItem, ...]
    """All of the user's interactions before the moment, oldest first."""
    rank: int
    """Place after the sources' lists were joined, 1 is best."""
    score: float
    """Weighted reciprocal-rank score of the join; comparable within one list only."""
    votes: tuple[Vote, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PossibleUsers:
    """Whom an item could be for."""

    item: Item
    as_of: float
    users: tuple[PossibleUser, ...]
    """Best first by the joined score; ties by user id."""
