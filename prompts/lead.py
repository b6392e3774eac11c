"""The beginning of a longer text, by rule: its first whole sentences. Pure."""

from __future__ import annotations

import re

from prompts.sanitise import clip

_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])\s*")
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\s\u3040-\u30ff\u3400-\u9fff]+")
_ELLIPSIS = "…"
_BYTES_A_WORD = 16
"""No token is shorter than a byte, so a lead has at most so many tokens."""


def lead(text: str, most_words: int) -> str:
    """The first sentences of a line, as many as hold at most that many words; all of a text that is short enough.

    Where the first sentence alone is longer, its first words and an ellipsis. A Chinese or Japanese character counts
    as a word. An abbreviation ("No. 5") may end a sentence too early, never a word too late. Sixteen bytes a word are
    the most: an address, or a text that does not part its words, is cut there.
    """
    if most_words < 1:
        return ""
    most_chars = len(text.encode()[: _BYTES_A_WORD * most_words].decode(errors="ignore"))
    words = list(_WORD.finditer(text))
    if len(words) <= most_words and len(text) == most_chars:
        return text
    most = max((word.end() for word in words[:most_words] if word.end() <= most_chars), default=0)
    ends = [found.start() for found in _SENTENCE_END.finditer(text) if found.start() <= most]
    if ends and ends[-1] > 0:
        return text[: ends[-1]]
    return f"{text[:most]}{_ELLIPSIS}" if most else clip(text, most_chars)
