"""Settings of how a list is put together from ranked candidates. Each part is off unless it is asked for."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from ranking.arrangement.rules import RulesSection
from retrieval.config import Section

Days: TypeAlias = Annotated[float, Field(gt=0, le=36_500)]


class SeenSettings(Section):
    """What a user was shown and did not take sinks."""

    factor: float = Field(default=2.0, gt=1, le=1e6)
    """For each list that showed it, an item's odds are divided by this."""
    within_days: Days = 7.0
    """Lists that are older do not count."""


class FreshSettings(Section):
    """New items that a list is sure to hold."""

    least: int = Field(ge=1, le=100)
    within_days: Days
    """Items that came into the catalogue in so many days before the request are fresh."""


class ExploreSettings(Section):
    """Places that are kept for new items, so that somebody gets to see them."""

    slots: int = Field(default=1, ge=1, le=100)
    within_days: Days = 30.0
    """Items that came into the catalogue in so many days before the request are new."""
    shown_at_most: int = Field(default=100, ge=1, le=1_000_000)
    """After so many lists in that time, whoever they were for, an item is not given a place for being new any more."""


class DuplicateSettings(Section):
    """Which items say the same, so that the list shows only the best one of them.

    Either is enough: two texts that are near in the embedding space, or texts that share that much of their wording.
    """

    cosine: float = Field(default=0.9, gt=0, le=1)
    shingles: float = Field(default=0.5, gt=0, le=1)
    """Jaccard index of the runs of three words in title and description (Broder, 1997)."""


class ArrangementSettings(RulesSection):
    """From ranked candidates to the list. The defaults leave the order of ranking as it is."""

    half_life_days: dict[str, Days] = Field(default_factory=dict)
    """By domain, "default" for all others: an item's odds count half whenever it has become so many days older."""
    seen: SeenSettings | None = None
    duplicates: DuplicateSettings | None = None
    diversity: float = Field(default=0.0, ge=0, lt=1)
    """Share of unlikeness against score when the next item is picked; 0 goes by score alone. Maximal marginal relevance
    (Carbonell and Goldstein, SIGIR 1998) with a trade-off of 1 - diversity."""
    fresh: FreshSettings | None = None
    explore: ExploreSettings | None = None
    unseen: Literal["least", "neutral"] = "least"
    """What the popularity of an item that nobody took is: the least there is, or unknown, no word for or against it."""

    @property
    def changes_nothing(self) -> bool:
        """Whether lists are what ranking says."""
        return self.model_copy(update={"unseen": "least"}) == ArrangementSettings()

    @model_validator(mode="after")
    def _guarantees_agree(self) -> Self:
        asked = (self.fresh.least if self.fresh else 0) + (self.explore.slots if self.explore else 0)
        if asked > 100:
            raise ValueError(f"fresh.least and explore.slots ask for {asked} places together, more than a list has")
        return self
