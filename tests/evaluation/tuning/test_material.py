"""How many users are asked for what tuning is judged by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evaluation.tuning.config import TuneConfig, TuneFile
from evaluation.tuning.material import as_evaluation


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({}, 500),
        ({"fusion": {"cases": 2000}}, 2000),
        ({"fusion": {"cases": 30}}, 500),
        ({"fusion": {"fit": False}}, 500),
        ({"fusion": {"fit": False, "cases": 700}, "examples": {"residual": True}}, 700),
        ({"fusion": {"cases": 30}, "validation": 600}, 600),
        ({"protocol": {"kind": "end-to-end", "validation_users": 200}}, 200),
        ({"protocol": {"kind": "end-to-end", "validation_users": 200}, "validation": 300}, 300),
        ({"protocol": {"kind": "end-to-end", "validation_users": None}}, None),
        ({"protocol": {"kind": "labelled"}, "examples": {"n": 450}, "validation": 100}, 550),
    ],
)
def test_as_many_users_are_asked_as_there_shall_be_cases(changes: dict[str, Any], asked: int | None) -> None:
    config = TuneConfig.model_validate({"name": "shop", "data": {"kind": "store"}, **changes})
    found = as_evaluation(TuneFile(config=config, base=Path()), config)
    assert found.config.protocol.validation_users == asked
