"""Text as tokens: Latin words, numbers and single CJK characters, in a form in which spellings are comparable. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Phrase: TypeAlias = tuple[str, ...]
"""The comparable forms of the tokens of a text, marks left out."""

_CJK = "\u3400-\u4dbf\u4e00-\u9fff\u3040-\u30ff"
_TOKEN = re.compile(rf"\d+(?:[.,]\d+)*|[{_CJK}]|(?:(?![{_CJK}])[^\W\d_])+(?:['’ʼ](?:(?![{_CJK}])[^\W\d_])+)*|\S")
_ASCII_WORD = re.compile(r"\d+(?:[.,]\d+)*|[a-z]+")
_IS_CJK = re.compile(rf"[{_CJK}]")
_APOSTROPHES = str.maketrans("", "", "'’ʼ")
_JOINERS = frozenset("-‐‑–·・•_.")
"""Marks that do not end a clause between two letters: hyphens, the dot between parts of a name, initials."""
BREAKS = frozenset(",.;!?:，。；！？：、…\n")


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """One token of a text."""

    form: str
    """Comparable: without case, accents and apostrophes, simplified characters; a mark as it is."""
    raw: str
    start: int
    """Offset in the cleaned text."""
    end: int

    @property
    def is_mark(self) -> bool:
        """Neither a word, nor a number, nor a character."""
        return not self.form[0].isalnum()

    @property
    def is_cjk(self) -> bool:
        """A single Chinese or Japanese character."""
        return _IS_CJK.match(self.form) is not None

    @property
    def is_word(self) -> bool:
        """A word in letters of another script."""
        return self.form[0].isalpha() and not self.is_cjk


def cleaned(text: str) -> str:
    """The text in compatibility form (full-width letters become plain), on one line, without invisible characters."""
    spaced = "".join(" " if unicodedata.category(each) in {"Cc", "Zl", "Zp"} else each for each in text)
    shown = "".join(each for each in spaced if unicodedata.category(each) not in {"Cf", "Cs", "Co", "Cn"})
    return " ".join(unicodedata.normalize("NFKC", shown).split())


def tokens_of(text: str, traditional: Mapping[str, str]) -> tuple[Token, ...]:
    """The tokens of a cleaned text, in order."""
    return tuple(
        Token(form=_form(found.group(), traditional), raw=found.group(), start=found.start(), end=found.end())
        for found in _TOKEN.finditer(text)
    )


def phrase_of(text: str, traditional: Mapping[str, str]) -> Phrase:
    """What a text is looked up by; empty for one that holds marks only."""
    if text.isascii():
        # Nearly every title of a large catalogue; the general way gives the same and takes ten times as long.
        return tuple(_ASCII_WORD.findall(text.translate(_APOSTROPHES).casefold()))
    return tuple(token.form for token in tokens_of(cleaned(text), traditional) if not token.is_mark)


def breaks(tokens: Sequence[Token], index: int) -> bool:
    """Whether a clause ends at this token: a comma or the like, not a joiner inside a name."""
    token = tokens[index]
    if token.form not in BREAKS:
        return False
    inside = (
        0 < index < len(tokens) - 1 and tokens[index - 1].end == token.start and token.end == tokens[index + 1].start
    )
    initial = index > 0 and token.form == "." and tokens[index - 1].is_word and len(tokens[index - 1].form) == 1
    return not initial and not (inside and token.form in _JOINERS and not tokens[index - 1].is_cjk)


def _form(raw: str, traditional: Mapping[str, str]) -> str:
    bare = unicodedata.normalize("NFKD", raw.translate(_APOSTROPHES).casefold())
    form = "".join(each for each in bare if unicodedata.category(each) != "Mn")
    form = unicodedata.normalize("NFKC", form)
    return traditional.get(form, form) or raw
