"""The vocabulary of a catalogue that changes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from retrieval.types import Item
from service.chat.lexicon import Lexicon, load_lexicon
from service.chat.rules import RuleReader
from service.chat.vocabulary import Vocabulary, build_vocabulary


class Vocabularies:
    """The vocabulary of a catalogue, built anew when the catalogue's items are other ones. Thread-safe."""

    def __init__(self, catalogue: Callable[[], Mapping[str, Item]], lexicon: Lexicon | None = None) -> None:
        self._catalogue = catalogue
        self.lexicon = load_lexicon() if lexicon is None else lexicon
        self.rules = RuleReader()
        """Reads by these vocabularies; kept with them, since it remembers what it made of the current one."""
        self._lock = threading.Lock()
        self._held: Vocabulary | None = None

    def current(self) -> Vocabulary:
        """The vocabulary of the catalogue as it is now."""
        with self._lock:
            items = self._catalogue()
            if self._held is None or self._held.items is not items:
                self._held = build_vocabulary(items, self.lexicon)
            return self._held
