from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from evaluation.protocols.config import (
    CrossDomain,
    EndToEnd,
    GlobalTime,
    Labelled,
    ProtocolConfig,
    RatingPrediction,
    Sampled,
    ScenarioConfig,
)

PROTOCOL: TypeAdapter[ProtocolConfig] = TypeAdapter(ProtocolConfig)


def test_a_protocol_is_named_by_its_kind() -> None:
    sampled = PROTOCOL.validate_python({"kind": "sampled", "negatives": {"n": 9, "from": "llmrank"}, "rows": [0, 200]})
    assert isinstance(sampled, Sampled)
    assert (sampled.negatives.n, sampled.negatives.source, sampled.rows) == (9, "llmrank", (0, 200))
    served = PROTOCOL.validate_python({"kind": "end-to-end", "split": "global-time", "seen": True})
    assert isinstance(served, EndToEnd)
    assert served.split == GlobalTime()
    assert isinstance(PROTOCOL.validate_python({"kind": "labelled"}), Labelled)
    assert isinstance(PROTOCOL.validate_python({"kind": "rating"}), RatingPrediction)
    assert PROTOCOL.validate_json(PROTOCOL.dump_json(sampled)) == sampled


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"kind": "sampled", "rows": [5, 5]}, "is empty"),
        ({"kind": "sampled", "split": "leaf-one-out"}, "leave-one-out"),
        ({"kind": "sampled", "split": {"kind": "random", "train": 0.9}}, "add up to 1"),
        ({"kind": "sampled", "split": {"kind": "global-time", "quantile": 0.5}}, "must be below quantile"),
        ({"kind": "sampled", "negatives": {"from": "unseen", "shuffle": False}}, "betray the target"),
        ({"kind": "labelled", "target": "liked"}, "leaves out what was not liked"),
        ({"kind": "rating", "target": "liked"}, "leaves out what was not liked"),
        ({"kind": "rating", "dept": 3}, "not permitted"),
    ],
)
def test_slips_are_told(values: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        PROTOCOL.validate_python(values)


def test_a_scenario_is_named_once() -> None:
    cross = CrossDomain(history="books", target="films")
    for twice in ({"history": (3, 3)}, {"cross_domain": (cross, cross)}):
        with pytest.raises(ValidationError, match="named twice"):
            ScenarioConfig.model_validate(twice)
