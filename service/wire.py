"""The base of what goes over the wire."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, JsonValue

from retrieval.types import Attributes


class Wire(BaseModel):
    """Base of the wire models: unknown fields are refused, so that a schema and its reader cannot drift apart."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def attributes_out(attributes: Attributes) -> dict[str, JsonValue]:
    """Attributes as JSON has them."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in attributes.items()}
