"""What serves each scenario, made when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from ranking.scenarios.files import Scenario, list_scenarios, read_scenario
from ranking.settings import Settings, with_scenario

T = TypeVar("T")


class Scenarios(Generic[T]):
    """One T (a Recommender) for each scenario that was asked for. Belongs to one event loop."""

    def __init__(self, settings: Settings, make: Callable[[Settings], T]) -> None:
        self._settings, self._make = settings, make
        self._made: dict[str, T] = {}

    def recommender(self, name: str) -> T:
        """The scenario's. Raises InputError, with the nearest name, where there is none of that name."""
        if name not in self._made:
            self._made[name] = self._make(with_scenario(self._settings, name))
        return self._made[name]

    def known(self) -> list[Scenario]:
        """Those that may be asked for, by name."""
        home = self._settings.home
        return [read_scenario(home, name) for name in list_scenarios(home)]
