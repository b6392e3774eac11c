"""The beginning of a longer text, by rule: its first whole sentences. Pure."""

from __future__ import annotations

import re

_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])\s*")
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\s\u3040-\u30ff\u3400-\u9fff]+")
_ELLIPSIS = "…"


def lead(text: str, most_words: int) -> str:
    """The first sentences of a line, as many as hold at most that many words; all of a text that is short enough.

    Where the first sentence alone is longer, its first words and an ellipsis. A Chinese or Japanese character counts
    as a word. An abbreviation ("No. 5") may end a sentence too early, never a word too late.
    """
    words = list(_WORD.finditer(text))
    if len(words) <= most_words:
        return text
    most = words[most_words - 1].end() if most_words > 0 else 0
    ends = [found.start() for found in _SENTENCE_END.finditer(text) if found.start() <= most]
    if ends and ends[-1] > 0:
        return text[: ends[-1]]
    return f"{text[:most]}{_ELLIPSIS}" if most else ""
