"""The base of what goes over the wire."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Wire(BaseModel):
    """Base of the wire models: unknown fields are refused, so that a schema and its reader cannot drift apart."""

    model_config = ConfigDict(extra="forbid", frozen=True)
