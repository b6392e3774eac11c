"""The words people use, from lexicon.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

CueName = Literal[
    "like",
    "like_after",
    "love",
    "love_after",
    "hate",
    "hate_after",
    "seen",
    "seen_after",
    "finished",
    "refuse",
    "refuse_after",
    "accept",
    "release",
    "softer",
    "neutral",
    "language",
    "replace",
    "also",
    "or",
    "and",
    "but",
    "person",
    "more",
    "restart",
    "yes",
    "no",
    "all",
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DomainWords(_Part):
    """What a domain may be called in a catalogue, and which words ask for it."""

    names: tuple[str, ...]
    words: tuple[str, ...]
    verbs: tuple[str, ...]


class MeasureWords(_Part):
    """What an attribute that measures something may be called, and the words that ask for more or less of it."""

    names: tuple[str, ...]
    more: tuple[str, ...]
    less: tuple[str, ...]
    words: tuple[str, ...]


class Unit(_Part):
    """A unit of a measure; scale is how many of the measure's own units (minutes, pages, money) it is."""

    measure: str
    currency: str | None
    scale: float
    words: tuple[str, ...]


class Lexicon(_Part):
    """All words. Values, people and titles are given by the catalogue's own spelling."""

    values: Mapping[str, tuple[str, ...]]
    people: Mapping[str, tuple[str, ...]]
    titles: Mapping[str, tuple[str, ...]]
    moods: Mapping[str, tuple[str, ...]]
    """Chinese words by the English ones that an embedding model of English texts understands."""
    domains: tuple[DomainWords, ...]
    measures: Mapping[str, MeasureWords]
    units: tuple[Unit, ...]
    cues: Mapping[CueName, tuple[str, ...]]
    needs_after: Mapping[str, tuple[str, ...]]
    """Cues that count only where one of these words follows in the same clause."""
    idle: tuple[str, ...]
    idle_phrases: tuple[str, ...]
    traditional: Mapping[str, str]
    """Traditional characters and their simplified forms."""


def load_lexicon() -> Lexicon:
    """The shipped lexicon."""
    text = files("service.chat").joinpath("lexicon.yaml").read_text(encoding="utf-8")
    return Lexicon.model_validate(yaml.safe_load(text))
