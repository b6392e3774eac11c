"""A model's text made ready to be read: without thinking and code fences, in one form of every character, in tokens.

Every step is linear in the length of the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_THINKING = re.compile(r"<(/?)\s?(?:think|thinking|thought|reasoning)\s?>", re.IGNORECASE)
_FENCE = re.compile(r"`{3,}[A-Za-z]*")
# Scripts without spaces between words are read character by character. A decimal number is one token, and no label.
_UNSPACED = "\u2e80-\u2fff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_UNSPACED_WORD = re.compile(f"[{_UNSPACED}]")
_TOKEN = re.compile(rf"\d++(?:\.\d++)++|[^\W_{_UNSPACED}]++|\S")
LONGEST_READ = 64_000
"""Characters of an answer that are read: 500 titles in full fit in. A model that writes more has lost its way."""


def answer_of(text: str) -> str:
    """What a model says once it is done thinking, without the fences around code, cut at LONGEST_READ.

    A thinking block that is not closed lasts to the end; one that is closed but was never opened began before the text.
    Full-width and circled digits become ordinary ones, letters small ones (NFKC, case folding).
    """
    kept: list[str] = []
    start, thinking = 0, False
    for tag in _THINKING.finditer(text):
        if tag[1]:
            if not thinking:
                kept.clear()
            start, thinking = tag.end(), False
        elif not thinking:
            kept.append(text[start : tag.start()])
            thinking = True
    if not thinking:
        kept.append(text[start:])
    # Cut before and after: some characters become up to 18.
    answer = folded(_FENCE.sub("\n", "\n".join(kept))[:LONGEST_READ])
    return answer[:LONGEST_READ]


def folded(text: str) -> str:
    """One form of every character: compatibility forms, such as full-width ones, and capital letters are gone."""
    return unicodedata.normalize("NFKC", text).casefold()


def token_lines(text: str) -> Iterator[list[str]]:
    """The tokens of every line of a folded text that has any: words, numbers, and other signs one by one."""
    for line in text.splitlines():
        tokens: list[str] = _TOKEN.findall(line)
        if tokens:
            yield tokens


def is_word(token: str) -> bool:
    """Whether a token is a word or a number, not a single sign."""
    return token[0].isalnum()


def ends_words(token: str) -> bool:
    """Whether a word beside this token stands by itself: a sign, a number, or a script without spaces."""
    return not is_word(token) or token.isdecimal() or _UNSPACED_WORD.match(token) is not None
