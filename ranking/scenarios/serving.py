"""Scenarios as settings and as Recommenders; all of a store share its model."""

from __future__ import annotations

from collections.abc import Callable

from prompts.errors import PromptError
from ranking.errors import ConfigError, RankingError
from ranking.factory import choose_fusion, choose_template
from ranking.recommender import Recommender
from ranking.scenarios.files import Scenario, list_scenarios, read_scenario
from ranking.settings import Settings, with_scenario


class Scenarios:
    """One Recommender for each scenario that was asked for, made when it is first. Belongs to one event loop."""

    def __init__(self, settings: Settings, make: Callable[[Settings], Recommender]) -> None:
        self._settings, self._make = settings, make
        self._made: dict[str, Recommender] = {}

    def recommender(self, name: str) -> Recommender:
        """The scenario's. Raises InputError, with the nearest name, where there is none of that name."""
        if name not in self._made:
            self._made[name] = self._make(with_scenario(self._settings, name))
        return self._made[name]

    def known(self) -> list[Scenario]:
        """Those that may be asked for, by name."""
        home = self._settings.home
        return [read_scenario(home, name) for name in list_scenarios(home)]


def check_scenarios(settings: Settings) -> None:
    """Raises ConfigError naming the scenario and the setting, where one cannot be served as it stands."""
    for name in list_scenarios(settings.home):
        try:
            changed = with_scenario(settings, name)
            choose_template(changed)
            choose_fusion(changed)
        except ConfigError:
            raise
        except (RankingError, PromptError) as error:
            raise ConfigError(f"scenario {name!r}: {error}") from error
