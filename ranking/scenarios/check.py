"""Whether the scenarios that a service may be asked for can be served."""

from __future__ import annotations

from prompts.errors import PromptError
from ranking.errors import ConfigError, RankingError
from ranking.factory import choose_fusion, choose_template
from ranking.scenarios.files import list_scenarios
from ranking.settings import Settings, with_scenario


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
