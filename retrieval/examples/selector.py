"""The examples for one retrieved query: the user's own past items, and demonstrations of similar users."""

from __future__ import annotations

from dataclasses import dataclass

from retrieval.config import ExampleSettings
from retrieval.examples.langchain import DemonstrationSelector, HistorySelector
from retrieval.protocol import VectorIndex
from retrieval.record import Record
from retrieval.types import Demonstration, PastItem, Retrieved


@dataclass(frozen=True, kw_only=True, slots=True)
class Examples:
    """What a prompt may show."""

    history: tuple[PastItem, ...]
    """Oldest first."""
    demonstrations: tuple[Demonstration, ...]
    """Nearest user first."""
    lead_words: int = 0
    """As ExampleSettings says."""


class ExampleSelector:
    """Selects by the settings; deterministic. Nothing at or after retrieved.as_of is ever selected."""

    def __init__(self, record: Record, index: VectorIndex, settings: ExampleSettings) -> None:
        self._lead_words = settings.lead_words
        self._history = HistorySelector(index, settings)
        self._demonstrations = DemonstrationSelector(record, index, settings)

    def select(self, retrieved: Retrieved) -> Examples:
        """The examples for these candidates and this user."""
        return Examples(
            history=tuple(self._history.select(retrieved)),
            demonstrations=tuple(self._demonstrations.select(retrieved)),
            lead_words=self._lead_words,
        )
