"""The interface description is true: whatever is sent, answers are as described and none says that the server broke."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.python.asgi import shutdown_lifespans
from schemathesis.specs.openapi.checks import positive_data_acceptance
from schemathesis.specs.openapi.schemas import OpenApiSchema

from tests.service.api.shop import shop_app

PATHS = shop_app(Path("unused")).openapi()["paths"]
OPERATIONS = [(method.upper(), path) for path, methods in PATHS.items() for method in methods]


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenApiSchema]:
    yield schemathesis.openapi.from_asgi("/openapi.json", shop_app(tmp_path_factory.mktemp("described")))
    shutdown_lifespans()


@schemathesis.serializer("application/jsonl", "text/csv")
def as_lines(_: schemathesis.SerializationContext, value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_answers_are_as_described(described: OpenApiSchema, method: str, path: str) -> None:
    @given(case=described[path][method].as_strategy())
    @settings(
        max_examples=6,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def check(case: schemathesis.Case[Any]) -> None:
        # A filter, a cursor and a time have meanings that no schema tells, so what fits the schema may be refused.
        case.call_and_validate(excluded_checks=[positive_data_acceptance])

    check()
