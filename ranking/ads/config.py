"""Settings of places that are sold in a list."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, StringConstraints, model_validator

from retrieval.campaigns import MICROS
from retrieval.config import Section
from retrieval.record.ads.types import Pays

Place: TypeAlias = Annotated[int, Field(ge=1, le=100)]


class AdSettings(Section):
    """Which places campaigns bid for, and what a bid must bring along."""

    places: tuple[Place, ...] = Field(default=(2, 7), min_length=1, max_length=20)
    """Of the page, counted with the paid entries among the others, 1 is first; rising."""
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "EUR"
    """Campaigns in another one take no part: what they bid cannot be compared."""
    pays: Pays = "click"
    """What is paid for: a click, as feedback tells it, or being shown."""
    floor: float = Field(default=0.5, ge=0, le=1000)
    """A paid item must be at least so many times as likely to be taken as the average candidate of the validation
    lists; with 0 anything goes."""
    reserve: float = Field(default=0.01, gt=0, le=1e9)
    """The lowest price, in units of the currency; lower bids take no part."""
    pacing: Literal["even", "asap"] = "even"
    """Whether a day's budget is spread over the day, or spent as soon as it can be."""
    holdout: float = Field(default=0.1, ge=0, lt=1)
    """Share of the users who are never shown any, to measure what ads do. Who they are depends on seed and id alone."""
    seed: int = Field(default=0, ge=0)
    """For the holdout and for pacing."""

    @property
    def reserve_micros(self) -> int:
        """The reserve in micro-units."""
        return max(1, round(self.reserve * MICROS))

    @model_validator(mode="after")
    def _places_rise(self) -> Self:
        if list(self.places) != sorted(set(self.places)):
            raise ValueError("ads.places must rise, each place once")
        return self
