"""Example selectors in LangChain's shape; the only file of retrieval that imports it.

LangChain's own selectors take no per-request filter, so one user's examples could reach another's prompt. These take
the whole retrieved query, and guard the moment: nothing at or after `retrieved.as_of` is selected.
"""

from __future__ import annotations

from typing import Any

from langchain_core.example_selectors import BaseExampleSelector

from retrieval.config import ExampleSettings
from retrieval.examples.demonstrations import nearest_demonstrations
from retrieval.examples.history import select_history
from retrieval.protocol import VectorIndex
from retrieval.record import Record
from retrieval.types import Demonstration, PastItem, Retrieved


class _OverTheStore(BaseExampleSelector):
    """Examples come from the store, so adding one here is refused."""

    def add_example(self, example: dict[str, str]) -> Any:  # noqa: ARG002 - the base class names it
        """Always raises TypeError."""
        raise TypeError("examples are interactions: add them with an import or through the record")


class HistorySelector(_OverTheStore):
    """The user's own past items; input variables {"retrieved": Retrieved}, examples {"past": PastItem}."""

    def __init__(self, index: VectorIndex, settings: ExampleSettings) -> None:
        self._index = index
        self._settings = settings

    def select(self, retrieved: Retrieved) -> list[PastItem]:
        """Past items to show, oldest first."""
        return select_history(retrieved, self._index, self._settings)

    def select_examples(self, input_variables: dict[str, Any]) -> list[dict[str, Any]]:
        """The same through LangChain's door."""
        return [{"past": past} for past in self.select(input_variables["retrieved"])]


class DemonstrationSelector(_OverTheStore):
    """Similar users' choices; input variables {"retrieved": Retrieved}, examples {"demonstration": Demonstration}."""

    def __init__(self, record: Record, index: VectorIndex, settings: ExampleSettings) -> None:
        self._record = record
        self._index = index
        self._settings = settings

    def select(self, retrieved: Retrieved) -> list[Demonstration]:
        """Demonstrations to show, nearest user first."""
        return nearest_demonstrations(retrieved, self._record, self._index, self._settings)

    def select_examples(self, input_variables: dict[str, Any]) -> list[dict[str, Any]]:
        """The same through LangChain's door."""
        return [{"demonstration": one} for one in self.select(input_variables["retrieved"])]
