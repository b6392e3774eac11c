"""The lists that are compared: each scenario as it is shipped, and the same with one part taken out or turned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ranking.settings import Settings, with_scenario


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """One kind of list."""

    scenario: str | None
    """None is the service's own settings, without a scenario."""
    name: str
    arrangement: Mapping[str, object] = field(default_factory=dict)
    """Fields of the arrangement that are other than shipped."""
    retrieval: Mapping[str, object] = field(default_factory=dict)
    """The same of retrieval."""

    def settings(self, settings: Settings) -> Settings:
        """The service's settings with the scenario's on top, and on top of these what this way changes."""
        found = settings if self.scenario is None else with_scenario(settings, self.scenario)
        arrangement = found.arrangement.model_copy(update=dict(self.arrangement))
        retrieval = found.retrieval.model_copy(update=dict(self.retrieval))
        return found.model_copy(update={"arrangement": arrangement, "retrieval": retrieval})


PLAIN = Way(scenario=None, name="no scenario")
SHIPPED = "as shipped"
_NO_AGE: dict[str, object] = {"half_life_days": {}}
_NO_SESSION = {"history_half_life_hours": None}
WAYS = (
    Way(scenario="home", name=SHIPPED),
    Way(scenario="home", name="diversity 0", arrangement={"diversity": 0.0}),
    Way(scenario="home", name="diversity 0.4", arrangement={"diversity": 0.4}),
    Way(scenario="home", name="diversity 0.6", arrangement={"diversity": 0.6}),
    Way(scenario="new-items", name=SHIPPED),
    Way(scenario="new-items", name="no places kept", arrangement={"explore": None}),
    Way(scenario="new-items", name="unseen: least", arrangement={"unseen": "least"}),
    Way(scenario="news", name=SHIPPED),
    Way(scenario="news", name="age does not count", arrangement=_NO_AGE),
    Way(scenario="news", name="half-life 30 days", arrangement={"half_life_days": {"default": 30.0}}),
    Way(scenario="news", name="half-life 365 days", arrangement={"half_life_days": {"default": 365.0}}),
    Way(scenario="news", name="duplicates stay", arrangement={"duplicates": None}),
    Way(scenario="news", name="diversity 0", arrangement={"diversity": 0.0}),
    Way(scenario="news", name="duplicates stay, diversity 0", arrangement={"duplicates": None, "diversity": 0.0}),
    Way(scenario="news", name="nothing fresh asked for", arrangement={"fresh": None}),
    Way(scenario="news", name="age does not count, nothing fresh asked for", arrangement=_NO_AGE | {"fresh": None}),
    Way(scenario="news", name="no session half-life", retrieval=_NO_SESSION),
    Way(scenario="music", name=SHIPPED),
    Way(scenario="music", name="age does not count", arrangement=_NO_AGE),
    Way(scenario="music", name="duplicates stay", arrangement={"duplicates": None}),
    Way(scenario="music", name="diversity 0", arrangement={"diversity": 0.0}),
    Way(scenario="music", name="duplicates stay, diversity 0", arrangement={"duplicates": None, "diversity": 0.0}),
    Way(scenario="music", name="no rules", arrangement={"rules": ()}),
    Way(scenario="music", name="no session half-life", retrieval=_NO_SESSION),
    Way(scenario="music", name="session half-life 1 hour", retrieval={"history_half_life_hours": 1.0}),
    Way(scenario="music", name="session half-life 5 minutes", retrieval={"history_half_life_hours": 1 / 12}),
)
"""In every scenario the shipped one first, which the others are compared with."""


def ways_of(scenarios: Sequence[str] | None) -> tuple[Way, ...]:
    """Those of the scenarios, all by default; before them the list without a scenario."""
    return (PLAIN, *(way for way in WAYS if scenarios is None or way.scenario in scenarios))
