from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from ranking.arrangement.config import ArrangementSettings

_HORROR = {"items": ["genres=Horror"]}
_COMEDY = {"items": ["genres=Comedy"]}


def settings(*rules: dict[str, Any], **others: Any) -> ArrangementSettings:
    return ArrangementSettings.model_validate({"rules": list(rules), **others})


@pytest.mark.parametrize(
    ("one", "other", "says"),
    [
        ({"kind": "pin", "id": "f1"}, {"kind": "block", "ids": ["f1", "f2"]}, "pins item 'f1', the other blocks"),
        ({"kind": "bury", "ids": ["f1"]}, {"kind": "pin", "id": "f1"}, "pins item 'f1', the other buries"),
        ({"kind": "pin", "id": "f1", "rank": 2}, {"kind": "pin", "id": "f2", "rank": 2}, "pin an item to rank 2"),
        ({"kind": "pin", "id": "f1", "rank": 2}, {"kind": "pin", "id": "f1", "rank": 3}, "'f1' is pinned twice"),
        ({"kind": "boost", **_HORROR}, {"kind": "bury", "items": [" genres = Horror"]}, "boosts the items"),
        ({"kind": "block", "ids": ["f1"]}, {"kind": "boost", "ids": ["f2", "f1"]}, "boosts the items"),
        ({"kind": "minimum", "least": 1, **_HORROR}, {"kind": "block", **_HORROR}, "asks for the items"),
        ({"kind": "minimum", "least": 3, **_HORROR}, {"kind": "cap", "most": 2, **_HORROR}, "at least 3"),
        ({"kind": "cap", "most": 1, "each": "genres"}, {"kind": "minimum", "least": 2, **_HORROR}, "at least 2"),
    ],
)
def test_rules_that_contradict_each_other_are_refused_with_both_names(
    one: dict[str, Any], other: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValidationError, match="'first' and 'second' contradict") as refused:
        settings({"name": "first", **one}, {"name": "second", **other})
    assert says in str(refused.value)
    settings({"name": "first", **one})
    settings({"name": "second", **other})


def test_rules_that_may_both_be_meant_pass() -> None:
    settings(
        {"kind": "boost", "name": "a", **_HORROR},
        {"kind": "bury", "name": "b", **_COMEDY},
        {"kind": "cap", "name": "c", "most": 2, **_HORROR},
        {"kind": "minimum", "name": "d", "least": 2, **_HORROR},
        {"kind": "cap", "name": "g", "most": 1, "each": "people"},
        {"kind": "pin", "name": "e", "id": "f1"},
        {"kind": "pin", "name": "f", "id": "f2", "rank": 2},
    )


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"kind": "boost"}, "either by ids or by items"),
        ({"kind": "boost", "ids": ["f1"], **_HORROR}, "either by ids or by items"),
        ({"kind": "block", "items": ["horror"]}, "not a condition"),
        ({"kind": "block", "items": ["year>=2000", "year<=1990"]}, "means no item at all"),
        ({"kind": "cap", "most": 1}, "either by items .* or by each"),
        ({"kind": "cap", "most": 0, "each": "genres"}, "greater than or equal to 1"),
        ({"kind": "boost", "factor": 0.5, **_HORROR}, "greater than 1"),
        ({"kind": "pin", "id": "f1", "rank": 0}, "greater than or equal to 1"),
        ({"kind": "promote", "id": "f1"}, "pin"),
        ({"kind": "block", "colour": "red", **_HORROR}, "Extra inputs"),
    ],
)
def test_a_rule_that_says_nothing_that_can_be_done_is_refused(rule: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        settings({"name": "r", **rule})


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(ValidationError, match="both have this name"):
        settings({"kind": "block", "name": "r", **_HORROR}, {"kind": "boost", "name": "r", **_COMEDY})


@pytest.mark.parametrize("half_life", [0, -1, "soon", float("inf"), float("nan")])
def test_a_half_life_of_nothing_is_refused(half_life: object) -> None:
    with pytest.raises(ValidationError, match="half_life_days"):
        settings(half_life_days={"news": half_life})


def test_the_defaults_change_nothing() -> None:
    assert settings().changes_nothing
    assert settings(unseen="neutral").changes_nothing, "this is for fusion"
    assert not settings(diversity=0.1).changes_nothing
    assert not settings({"kind": "block", "name": "r", **_HORROR}).changes_nothing
