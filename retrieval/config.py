"""Settings of retrieval. Frozen, unknown names refused; the whole tree is assembled in ranking/settings.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SHRINKAGE = 10.0
"""See RetrievalSettings.cooccurrence_shrinkage."""
HALF_KNOWN = 20.0
"""Interactions per item at which latent factors count for half their weight, and so do words in common as a source:
what people took says more than words, the more of it is known. Chosen on validation lists of games with 1.4 to 22
interactions per item: with it weights that were fitted on films and industrial goods serve all of them."""


class Section(BaseModel):
    """A named part of the settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class IndexSettings(Section):
    """Where the Chroma index lives."""

    url: str | None = None
    """http://host:port of a `chroma run` server; None keeps it embedded under the home folder."""


class QuotaSettings(Section):
    """How much a store may take; None is without limit. What is stored already stays, and may be changed."""

    items: int | None = Field(default=None, ge=0)
    users: int | None = Field(default=None, ge=0)
    interactions: int | None = Field(default=None, ge=0)
    requests_per_day: int | None = Field(default=None, ge=0)
    """Of the HTTP service, from midnight to midnight UTC; health and the web page's own files are not counted."""


class EmbedderSettings(Section):
    """The sentence-embedding model of retrieval."""

    model: str = "all-MiniLM-L6-v2"
    """The packaged default, a local folder, or a Hugging Face id."""
    batch_size: int = Field(default=64, ge=1, le=4096)


class SourceWeights(Section):
    """Weight of each candidate source in the reciprocal-rank join; 0 turns a source off.

    Where others took the user's items, what they took beside them is by far the best list: among 50 candidates the next
    item stood twice as often on films (MovieLens 100K) and a fourth more often on games as with equal weights.

    Words in common find most where little is known, so `bm25` counts 20 / (n + 20) of its weight with n interactions
    per item: among 50 of 16,859 games the next one stood in 13.8% of 1,500 cases at 4,000 interactions known, without
    this source in 11.4%; with all known, where it stood in 23.6%, a full weight of 2 takes it to 23.0%.
    """

    similarity_mean: float = Field(default=1.0, ge=0)
    similarity_max: float = Field(default=1.0, ge=0)
    text: float = Field(default=2.0, ge=0)
    bm25: float = Field(default=2.0, ge=0)
    cooccurrence: float = Field(default=3.0, ge=0)
    popularity: float = Field(default=0.5, ge=0)
    newest: float = Field(default=0.1, ge=0)

    def where(self, interactions_per_item: float) -> Mapping[str, float]:
        """By source's name, what each counts where so much is known."""
        share = HALF_KNOWN / (interactions_per_item + HALF_KNOWN)
        return {**self.model_dump(), "bm25": self.bm25 * share}


class RetrievalSettings(Section):
    """Candidates and examples."""

    n_candidates: int = Field(default=20, ge=1, le=1000)
    """How many candidates the LLM ranks."""
    per_source: int = Field(default=100, ge=1, le=10000)
    """How many items each source proposes."""
    sources: SourceWeights = SourceWeights()
    liked_recent: int = Field(default=10, ge=1, le=1000)
    """How many of the latest liked items the similarity sources look at; co-occurrence and words in common look at the
    last 20."""
    cooccurrence_shrinkage: float = Field(default=SHRINKAGE, ge=0)
    """Users whom every item is held to have beside its own when the cosine of co-occurrence is taken: without them an
    item of two users looks as near as can be. 0 is the plain cosine, best where every item has many users."""
    history_half_life_hours: float | None = Field(default=None, gt=0, le=876_000)
    """What the user did counts half for every so many hours that it lies before what they did last, in co-occurrence,
    in words in common and in the mean of what they liked: for sessions, where the last minutes say more than the last
    year. None goes by order alone."""
    popularity_half_life_days: float | None = Field(default=None, gt=0)
    """Interactions count half after this many days; None counts all alike."""


class ExampleSettings(Section):
    """What the prompt shows of the user's past and of other users."""

    history: Literal["recent", "similar", "diverse"] = "recent"
    history_length: int = Field(default=8, ge=0, le=200)
    liked_only: bool = True
    """Show only what the user liked; false shows disliked items too, apart from the liked ones."""
    lead_words: int = Field(default=0, ge=0, le=500)
    """Words of each candidate's description that are shown after its title: whole first sentences, so many as fit.
    0 shows titles alone, as the shipped adapter was tuned."""
    shots: int = Field(default=0, ge=0, le=16)
    """Demonstrations of similar users."""
