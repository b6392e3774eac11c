from __future__ import annotations

from typing import Any

import pytest

from ranking.errors import ConfigError
from ranking.settings import load_settings


def experiment(**changes: Any) -> dict[str, Any]:
    return {"name": "prompts", "arms": [{"name": "now"}, {"name": "shots"}], **changes}


def arms(**shares: float) -> list[dict[str, Any]]:
    return [{"name": name, "share": share} for name, share in shares.items()]


def test_shares_are_equal_where_none_is_given() -> None:
    [equal, given] = load_settings(
        experiments=[experiment(), experiment(name="other", enabled=False, arms=arms(a=0.2, b=0.8))]
    ).experiments
    assert equal.shares == {"now": 0.5, "shots": 0.5}
    assert given.shares == {"a": 0.2, "b": 0.8}


@pytest.mark.parametrize(
    ("experiments", "told"),
    [
        ([experiment(arms=arms(a=0.5, b=0.4))], "shares of experiment 'prompts' sum to 0.9, not to 1"),
        ([experiment(arms=[*arms(a=1.0), {"name": "b"}])], "give all arms a share, or none"),
        ([experiment(arms=arms(a=1.0))], "experiments.0.arms"),
        ([experiment(arms=[{"name": "a"}, {"name": "a"}])], "experiment 'prompts' has two arms named 'a'"),
        ([experiment(), experiment(enabled=False)], "two experiments are named 'prompts'"),
        ([experiment(), experiment(name="other")], "'prompts', 'other' are enabled"),
        ([experiment(mode="interleave", arms=arms(a=0.5, b=0.5))], "must have two arms, and no shares"),
        ([experiment(mode="interleave", arms=[{"name": name} for name in "abc"])], "must have two arms"),
        ([experiment(name="Prompts|x")], "experiments.0.name"),
        ([experiment(on=True)], "experiments.0.on"),
    ],
)
def test_what_makes_no_experiment_is_refused(experiments: list[dict[str, Any]], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        load_settings(experiments=experiments)
