"""The system of record: `Record` and what it hands back."""

from __future__ import annotations

from retrieval.record.record import Record
from retrieval.record.types import Counts, InteractionColumns, Written

__all__ = ["Counts", "InteractionColumns", "Record", "Written"]
