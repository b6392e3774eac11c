"""Typed attribute filters: the only way a condition on items reaches retrieval. Client JSON never does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, kw_only=True, slots=True)
class Equals:
    """The attribute equals the value; for a list attribute: contains it. Texts compare without case."""

    attribute: str
    value: str | float | bool


@dataclass(frozen=True, kw_only=True, slots=True)
class In:
    """The attribute equals (or the list attribute contains) at least one of the values."""

    attribute: str
    values: tuple[str | float | bool, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """The numeric attribute lies between low and high, both included; None leaves that side open."""

    attribute: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Not:
    """The inner filter does not hold. An item without the attribute passes."""

    inner: Equals | In | Range


Filter: TypeAlias = Equals | In | Range | Not
