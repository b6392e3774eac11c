"""Where the candidates of an example come from that were not taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from evaluation.data.types import Corpus, HeldOut
from evaluation.protocols.candidates import Seen
from evaluation.protocols.draws import Draw


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """A past choice: what a user had done, and what the user took then."""

    held: HeldOut
    """The whole history before it, and the target; the case_id is unique among the moments of a data set."""
    at: float
    """When it was, in Unix seconds."""


class NegativeSource(Protocol):
    """Gives items that were not taken. What comes back depends on the moment alone."""

    def draw(self, moment: Moment) -> list[str]:
        """Distinct item ids without any that the user ever takes; fewer than asked for where there are no more."""


class RandomNegatives:
    """Uniform over what the user never takes, before or after the moment, in the whole data set."""

    def __init__(self, corpus: Corpus, n: int, seed: int) -> None:
        self._item_ids = corpus.item_ids
        self._seen = Seen(corpus)
        self._n = n
        self._seed = seed

    def draw(self, moment: Moment) -> list[str]:
        """See NegativeSource."""
        barred = self._seen.places(moment.held)
        n = min(self._n, len(self._item_ids) - len(barred))
        draw = Draw(seed=self._seed, purpose="tuning negatives", key=moment.held.case_id)
        return [self._item_ids[place] for place in draw.distinct(n, range(len(self._item_ids)), barred, len(barred))]
