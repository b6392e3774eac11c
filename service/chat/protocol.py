"""What the chat assumes of the thing that reads an utterance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from service.chat.types import Conversation, Reading
from service.chat.vocabulary import Vocabulary


@dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """What was read, by which reader, and what the user must know of it."""

    reading: Reading
    reader: str
    notes: tuple[str, ...] = ()


class Reader(Protocol):
    """Reads one utterance. Everything it gives back is in the catalogue's own terms; nothing is invented."""

    async def read(self, state: Conversation, utterance: str, vocabulary: Vocabulary) -> Read:
        """What the utterance says in this state. Never raises for what the utterance holds."""
