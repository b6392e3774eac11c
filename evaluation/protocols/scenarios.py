"""Variants of a case: less history, another domain, or the same things in another order."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

from evaluation.data.types import Corpus
from evaluation.errors import RunConfigError
from evaluation.protocols.config import CrossDomain, ScenarioConfig
from evaluation.spelling import meant
from evaluation.types import FULL
from ranking.draws import Draw
from retrieval.types import PastItem

SHUFFLED_CANDIDATES = "shuffled-candidates"
REVERSED_CANDIDATES = "reversed-candidates"
SHUFFLED_HISTORY = "shuffled-history"
_CUT = "history-"
_CROSS = "cross-domain-"


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """One scenario, ready to be applied."""

    name: str = FULL
    latest: int | None = None
    """How many of the latest history entries stay; None for all."""
    cross: CrossDomain | None = None
    shuffle: Literal["candidates", "history"] | None = None
    backwards: bool = False
    """Whether the candidates are shown from last to first."""
    first: int | None = None
    """How many cases take part; None for all."""

    def history(self, full: tuple[PastItem, ...], case_id: str, seed: int) -> tuple[PastItem, ...]:
        """The history that this scenario shows, oldest first."""
        if self.latest is not None:
            return full[len(full) - self.latest :] if self.latest < len(full) else full
        if self.cross is not None:
            return tuple(past for past in full if past.item.domain == self.cross.history)
        return reordered(full, case_id, seed) if self.shuffle == "history" else full


def variants(config: ScenarioConfig) -> tuple[Variant, ...]:
    """The full case first, then the scenarios in the order of the configuration's fields."""
    chosen = [Variant()]
    chosen += [Variant(name=f"{_CUT}{latest}", latest=latest) for latest in config.history]
    chosen += [Variant(name=cross.name, cross=cross) for cross in config.cross_domain]
    if config.shuffled_candidates:
        chosen.append(Variant(name=SHUFFLED_CANDIDATES, shuffle="candidates", first=config.shuffled_candidates))
    if config.reversed_candidates:
        chosen.append(Variant(name=REVERSED_CANDIDATES, backwards=True, first=config.reversed_candidates))
    if config.shuffled_history:
        chosen.append(Variant(name=SHUFFLED_HISTORY, shuffle="history", first=config.shuffled_history))
    return tuple(chosen)


def hides_history(scenario: str) -> bool:
    """Whether a scenario hides a part of what its user did.

    There the case's history is all that may be used: nothing that training learnt under the user's id, such as factors.
    """
    return scenario.startswith((_CUT, _CROSS))


def reordered(history: tuple[PastItem, ...], case_id: str, seed: int) -> tuple[PastItem, ...]:
    """The entries in a seeded random order, other than the one they have, under the same moments in rising order.

    So whoever sorts by time gets the new order too. Histories of less than two entries stay.
    """
    places = Draw(seed=seed, purpose=SHUFFLED_HISTORY, key=case_id).shuffled(range(len(history)))
    if places == tuple(range(len(history))):
        places = places[1:] + places[:1]
    return tuple(
        dataclasses.replace(history[place], timestamp=past.timestamp)
        for place, past in zip(places, history, strict=True)
    )


def check_domains(corpus: Corpus, config: ScenarioConfig) -> None:
    """Raises RunConfigError for a cross-domain scenario that the catalogue cannot serve."""
    if not config.cross_domain:
        return
    domains = sorted({item.domain for item in corpus.items.values()})
    if len(domains) < 2:
        raise RunConfigError(
            f"data set {corpus.name} has one domain ({', '.join(domains)}), so there is nothing to cross; "
            "leave scenarios.cross_domain out"
        )
    for cross in config.cross_domain:
        for domain in (cross.history, cross.target):
            if domain not in domains:
                raise RunConfigError(f"data set {corpus.name} has no domain {domain!r}; {meant(domain, domains)}")
        if cross.history == cross.target:
            raise RunConfigError(f"a cross-domain scenario needs two domains, not {cross.target!r} twice")
