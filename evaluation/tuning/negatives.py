"""Where the candidates of an example come from that were not taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from evaluation.data.types import Corpus, HeldOut
from evaluation.protocols.candidates import Seen
from evaluation.protocols.protocol import Ask, Retrieve
from ranking.draws import Draw


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """A past choice: what a user had done, and what the user took then."""

    held: HeldOut
    """The whole history before it, and the target; the case_id is unique among the moments of a data set."""
    as_of: float | None
    """When it was, in Unix seconds; None, after all that is known, where the data have no dates and so no later."""


class NegativeSource(Protocol):
    """Gives items that were not taken. What comes back depends on the moment alone."""

    def draw(self, moment: Moment) -> list[str] | None:
        """Distinct item ids without any that the user ever takes; fewer than asked for where there are no more.

        None where the moment cannot be an example.
        """


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


class ServedNegatives:
    """From the list that retrieval serves at the moment, if the item that was taken is on it; any place alike."""

    def __init__(self, corpus: Corpus, retrieve: Retrieve, n: int, depth: int, seed: int) -> None:
        self._item_ids = corpus.item_ids
        self._seen = Seen(corpus)
        self._retrieve = retrieve
        self._n = n
        self._depth = depth
        self._seed = seed

    def draw(self, moment: Moment) -> list[str] | None:
        """See NegativeSource. What came later is left out of all counts, and the user's own interactions always are.

        Where the data have no dates there is no later: everybody else's interactions count then.
        """
        held = moment.held
        as_of = moment.as_of
        # What was taken at the very moment of the item is not known yet, and is no rival of it either.
        earlier = tuple(past for past in held.history if as_of is None or past.timestamp < as_of)
        together = frozenset(past.item.item_id for past in held.history[len(earlier) :])
        served = self._retrieve(
            Ask(user_id=held.user_id, history=earlier, exclude=together, depth=self._depth, as_of=as_of)
        )
        if held.target not in served:
            return None
        taken = {self._item_ids[place] for place in self._seen.places(held)}
        rivals = [item_id for item_id in served if item_id not in taken]
        draw = Draw(seed=self._seed, purpose="served negatives", key=held.case_id)
        return list(draw.shuffled(rivals)[: self._n])
