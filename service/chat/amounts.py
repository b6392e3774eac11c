"""Amounts with a unit: prices, durations, pages, and what is said around them. Pure but for spending tokens."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from service.chat.lexicon import Unit
from service.chat.numbers import NUMBER, number_of
from service.chat.scan import Scan
from service.chat.tokens import cleaned
from service.chat.types import Span

_STRICTLY_LESS = {"under", "below", "less than", "cheaper than", "shorter than", "低于", "少于", "小于", "不到"}
_LESS = {
    "at most",
    "no more than",
    "not more than",
    "up to",
    "within",
    "maximum",
    "max",
    "inside",
    "不超过",
    "最多",
    "至多",
}
_STRICTLY_MORE = {"over", "above", "more than", "longer than", "高于", "多于", "大于", "超过"}
_MORE = {"at least", "no less than", "not less than", "minimum", "至少", "最少", "不少于", "不低于"}
_ALL = "|".join(sorted((*_STRICTLY_LESS, *_LESS, *_STRICTLY_MORE, *_MORE), key=len, reverse=True))
_BEFORE = re.compile(rf"(?P<word>{_ALL})(?: of)?(?: the| an?)? ?$")
_AFTER = re.compile(
    r"^ ?(?:long )?(?P<word>or less|or under|or cheaper|or shorter|max(?:imum)?|at most|以内|以下|之内|之下|内|以里|"
    r"or more|or over|or longer|at least|以上|起)"
)
_MORE_AFTER = {"or more", "or over", "or longer", "at least", "以上", "起"}
_ABOUT = 0.15
"""How far an amount without a word for less or more reaches to both sides, as a share of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Amount:
    """A condition on a measure; the span is None where the catalogue does not tell it in this unit."""

    measure: str
    place: int
    """Of its first token."""
    span: Span | None


def amounts_in(scan: Scan) -> Iterator[Amount]:
    """Every amount of an utterance, from left to right; their tokens are spent."""
    line, places = scan.line()
    for match in _pattern(scan.vocabulary.lexicon.units).finditer(line):
        unit = _unit(scan.vocabulary.lexicon.units, match["unit"] or match["sign"])
        low, high, start, end = _bounds(line, match, unit.scale)
        tokens = sorted({place for place in places[start:end] if place >= 0})
        scan.take(tokens[0], tokens[-1] + 1)
        yield Amount(measure=unit.measure, place=tokens[0], span=_span(scan, unit, low, high))


def _pattern(units: tuple[Unit, ...]) -> re.Pattern[str]:
    words = sorted({cleaned(word).casefold() for unit in units for word in unit.words}, key=len, reverse=True)
    named = "|".join(re.escape(word) + (r"(?![a-z])" if word.isascii() and word.isalpha() else "") for word in words)
    signs = "|".join(re.escape(word) for word in words if not word[0].isalnum())
    low = rf"(?:(?P<low>{NUMBER}) ?(?:-|–|~|to|and|到|至) ?)?"
    return re.compile(
        rf"{low}(?:(?P<sign>{signs}) ?)?(?P<n>{NUMBER}|\ban?)"
        rf"(?(sign)| ?个?(?P<half>半)?[ -]?(?P<unit>{named}))(?P<more> and a half)?"
    )


def _unit(units: tuple[Unit, ...], word: str) -> Unit:
    return next(unit for unit in units if word in {cleaned(each).casefold() for each in unit.words})


def _bounds(line: str, match: re.Match[str], scale: float) -> tuple[float | None, float | None, int, int]:
    said = 1.0 if match["n"] in {"a", "an"} else number_of(match["n"]) or 0.0
    value = (said + (0.5 if match["half"] or match["more"] else 0.0)) * scale
    start, end = match.start(), match.end()
    if match["low"]:
        before = re.search(r"(?:between|from|从) ?$", line[:start])
        return (number_of(match["low"]) or 0.0) * scale, value, before.start() if before else start, end
    before, after = _BEFORE.search(line[:start]), _AFTER.search(line[end:])
    if before:
        word, start = before["word"], before.start()
        if word in _STRICTLY_LESS:
            return None, math.nextafter(value, -math.inf), start, end
        if word in _STRICTLY_MORE:
            return math.nextafter(value, math.inf), None, start, end
        return (None, value, start, end) if word in _LESS else (value, None, start, end)
    if after:
        end += after.end()
        return (value, None, start, end) if after["word"] in _MORE_AFTER else (None, value, start, end)
    return round(value * (1 - _ABOUT), 6), round(value * (1 + _ABOUT), 6), start, end


def _span(scan: Scan, unit: Unit, low: float | None, high: float | None) -> Span | None:
    measure = scan.vocabulary.measures.get(unit.measure)
    if measure is None:
        return None
    currencies = {each.currency for each in measure.units if each.currency}
    told = next((each for each in currencies if measure.attribute.casefold().endswith(f"_{each}")), None)
    if unit.currency and told and unit.currency != told:
        return None
    return Span(attribute=measure.attribute, low=low, high=high)
