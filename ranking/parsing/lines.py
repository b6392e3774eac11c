"""Reads one line of a written order: which candidates it names, by number or by title."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ranking.parsing.titles import Found, Titles
from ranking.parsing.tokens import is_word

_SEPARATORS = frozenset({">", ",", ";", "、", "/", "|", "→", "-", "–", "—", "≻", "&", "and", "then"})
_BRACKETS = frozenset("[](){}<>【】〔〕「」『』\"'`*")
_LABEL_WORDS = frozenset({
    "item", "candidate", "option", "choice", "number", "no", "nr", "id", "label", "#", "第", "号", "项", "品",
})  # fmt: skip
_LONGEST_LINK = 12
"""Tokens between two numbers of a row, at most."""
_MOST_DIGITS = 20
_BEFORE_NUMBER = frozenset(".:_-\"'")
"""Signs that may stand between such a word and its number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """What one line names, in its order. A mention is the candidates that it may mean; none means an invented one."""

    mentions: tuple[tuple[int, ...], ...] = ()
    place: tuple[int, ...] | None = None
    """What a single number at the start of a list's line names, if such numbers name candidates: they may as well
    count places. None where the line does not hang on that."""
    contradicts: bool = False
    """The line's title is not that of its leading number, so such numbers count places."""
    bare: tuple[int, ...] = ()
    """Numbers within other words; they count only if a whole text holds nothing better."""


def read_line(tokens: Sequence[str], n: int, titles: Titles) -> Line:
    """Reads a line about n candidates, numbered from 1.

    Numbers count where they stand in a row ("3, 1, 2"), in square brackets, after a word such as "Item", or at the
    start. Beside a single number a title decides, as models like to number their lines anew. Numbers within a title
    are a part of the title.
    """
    found = titles.find(tokens)
    free = _outside(tokens, found)
    labels = _labels(tokens, free)
    if len(labels) > 1:
        return Line(mentions=tuple(_numbered(tokens[place], n, titles) for place in labels))
    if labels:
        named = _numbered(tokens[labels[0]], n, titles)
        return Line(mentions=(_agreed(named, found),))
    leading = _leading(tokens, free)
    if leading is None:
        return _unnumbered(tokens, free, found, n, titles)
    named = _numbered(tokens[leading], n, titles)
    rest = [token for token in tokens[leading + 1 :] if is_word(token)]
    abbreviated = titles.beginning(rest) if rest and not found else ()
    if found or abbreviated:
        meant = _agreed(named, found) if found else abbreviated
        return Line(mentions=(meant,), contradicts=not set(meant) & set(named))
    if not rest:
        return Line(mentions=(named,))
    return Line(place=named)


def _unnumbered(tokens: Sequence[str], free: Sequence[int], found: Sequence[Found], n: int, titles: Titles) -> Line:
    """A line whose numbers, if it has any, stand within other words."""
    if found:
        return Line(mentions=tuple(title.candidates for title in found))
    whole = titles.beginning([token for token in tokens if is_word(token)])
    if whole:
        return Line(mentions=(whole,))
    return Line(bare=tuple(index for place in free for index in _numbered(tokens[place], n, titles)))


def _outside(tokens: Sequence[str], found: Sequence[Found]) -> list[int]:
    """Places of the numbers that are no part of a title."""
    inside = {place for title in found for place in range(title.start, title.end)}
    return [place for place, token in enumerate(tokens) if token.isdecimal() and place not in inside]


def _labels(tokens: Sequence[str], free: Sequence[int]) -> list[int]:
    """Places of the numbers that name a candidate wherever they stand."""
    if len(free) > 2 and len(free) == sum(1 for token in tokens if is_word(token)):
        return list(free)
    labels = []
    for at, place in enumerate(free):
        row = (at > 0 and _linked(tokens, free[at - 1], place)) or (
            at + 1 < len(free) and _linked(tokens, place, free[at + 1])
        )
        if row or _marked(tokens, place):
            labels.append(place)
    return labels


def _linked(tokens: Sequence[str], left: int, right: int) -> bool:
    """Whether two numbers follow one another in a row."""
    if right - left > _LONGEST_LINK:
        return False
    between = tokens[left + 1 : right]
    separated = not between or "(" in between or not _SEPARATORS.isdisjoint(between)
    return separated and all(token in _SEPARATORS or token in _BRACKETS or token in _LABEL_WORDS for token in between)


def _marked(tokens: Sequence[str], place: int) -> bool:
    before = tokens[place - 1] if place else ""
    after = tokens[place + 1] if place + 1 < len(tokens) else ""
    if (before, after) in {("[", "]"), ("【", "】"), ("〔", "〕")} or after == "号":
        return True
    back = place - 1
    while back >= max(0, place - 3) and tokens[back] in _BEFORE_NUMBER:
        back -= 1
    return back >= 0 and tokens[back] in _LABEL_WORDS


def _leading(tokens: Sequence[str], free: Sequence[int]) -> int | None:
    """The place of the number that numbers a line, with a sign behind it, or of the only thing in it: "1. 3"."""
    if not free or any(is_word(token) for token in tokens[: free[0]]):
        return None
    words = sum(1 for token in tokens if is_word(token))
    if words > 1 and is_word(tokens[free[0] + 1]):
        return None
    return free[1] if len(free) == 2 and words == 2 else free[0]


def _agreed(named: tuple[int, ...], found: Sequence[Found]) -> tuple[int, ...]:
    """The number's candidate if there is no title or one of the titles is its own, else the first title's."""
    if not found or any(index in title.candidates for title in found for index in named):
        return named
    return found[0].candidates


def _numbered(token: str, n: int, titles: Titles) -> tuple[int, ...]:
    """The candidate of that number, else those with that title."""
    # Long digits are not even made a number, which takes time and is refused beyond some thousands.
    number = int(token) if len(token) <= _MOST_DIGITS else 0
    return (number - 1,) if 1 <= number <= n else titles.of_digits(token)
