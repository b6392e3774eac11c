"""Years, decades and centuries in words, and what is said around them: after, since, before, until. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from service.chat.numbers import ZH_NUMBER, number_of

_DECADES = ["twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties", "nineties"]
_PART = {
    "early": (0, 3),
    "mid": (4, 6),
    "middle": (4, 6),
    "late": (7, 9),
    "初": (0, 3),
    "早": (0, 3),
    "中": (4, 6),
    "末": (7, 9),
    "后": (7, 9),
    "晚": (7, 9),
}
_PERIOD = re.compile(
    r"(?:\b(?P<part>early|mid|middle|late)(?: |-)?(?:of )?(?:the )?)?"
    r"(?<!\d)(?P<decade>(?:1[0-9]|20)?\d0) ?['’]? ?s\b"
    rf"|(?:\b(?P<wordpart>early|mid|middle|late)(?: |-)?(?:of )?(?:the )?)?\b(?P<worddecade>{'|'.join(_DECADES)})\b"
    r"|(?:(?P<of>二十世纪|20世纪|上世纪|上个世纪|十九世纪|19世纪|二十一世纪|21世纪|本世纪)的?)?"
    r"(?<!\d)(?P<zhdecade>(?:1[0-9]|20)?\d0|[一二三四五六七八九零]十|零零)年代(?P<zhpart>[初早中末后晚])?期?"
    r"|\b(?P<century>\d{1,2}) ?(?:st|nd|rd|th)[ -]century\b"
    rf"|(?P<zhcentury>\d{{1,2}}|{ZH_NUMBER})世纪"
    r"|(?<!\d)(?<!\d[.,])(?:the year )?(?P<year>1\d{3}|2[01]\d{2})(?![\d%])(?:年代)?年?"
)
_BETWEEN = re.compile(r" ?(?:年?(?:到|至)|and|to|-|–|~|—|until|till|through) ?(?:the )?$")
_OR = re.compile(r" ?(?:or|或|或者) ?(?:(?:from|in) )?(?:the )?$")
_NOT = (
    r"(?:\b(?P<not>no|not|nothing|never|none) |(?P<zhnot>不要|不看|别|不是|不想看|非))?"
    r"(?:(?:from|made|released|be|is|anything|that|any) )*"
)
_BEFORE_IT = re.compile(
    _NOT + r"(?P<word>after|later than|newer than|more recent than|younger than|since|starting(?: from| in)?|from|"
    r"before|earlier than|older than|prior to|pre|post|until|till|up to|by|晚于|早于|自从?|从)"
    r"[ -]?(?:(?:the|year|around) )*$"
)
_AFTER_IT = re.compile(
    r"^ ?(?P<word>(?:or|and) (?:later|newer|after|above|up|onwards?|more recent|beyond)|onwards?|on\b(?! )|\+|"
    r"(?:or|and) (?:earlier|older|before|below)|及?以后|或?以后|之后|后|及之后|或之后|起|以来|开始|至今|及以后|或以后|"
    r"及?以前|或?以前|之前|前|为止|及以前|或以前|更早)"
)
_SINCE = {
    "since",
    "starting",
    "starting from",
    "starting in",
    "自",
    "自从",
    "onward",
    "onwards",
    "on",
    "+",
    "起",
    "以来",
    "开始",
    "至今",
}
_LATER = {"after", "later than", "newer than", "more recent than", "younger than", "post", "晚于", "以后", "之后", "后"}
_EARLIER = {"before", "earlier than", "older than", "prior to", "pre", "早于", "以前", "之前", "前", "更早"}
_UNTIL = {"until", "till", "up to", "by", "为止"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """Years from low to high, both included (None: open), said in line[start:end]."""

    start: int
    end: int
    low: int | None
    high: int | None
    negated: bool = False
    """The refusal that was said ("nothing before") is in the bounds already."""
    refused: bool = False
    """None of these years: what lies between two periods joined by "or"."""


def periods_in(line: str) -> Iterator[Period]:
    """Every period that a line of comparable text names, from left to right, with the words around it."""
    found = [(match.start(), match.end(), *_years(match)) for match in _PERIOD.finditer(line)]
    index = 0
    while index < len(found):
        start, end, low, high = found[index]
        index += 1
        if index < len(found) and _BETWEEN.fullmatch(line[end : found[index][0]]):
            start = _reach_back(line, start)
            _, end, _, high = found[index]
            index += 1
            yield Period(start=start, end=end + _between_tail(line, end), low=min(low, high), high=max(low, high))
            continue
        if index < len(found) and _OR.fullmatch(line[end : found[index][0]]) and low < found[index][2]:
            _, end, later, last = found[index]
            index += 1
            yield Period(start=start, end=end, low=low, high=last)
            if later > high + 1:
                yield Period(start=start, end=end, low=high + 1, high=later - 1, refused=True)
            continue
        yield _with_words(line, start, end, low, high)


def _years(match: re.Match[str]) -> tuple[int, int]:
    got = match.groupdict()
    if got["year"]:
        return int(got["year"]), int(got["year"])
    if got["century"] or got["zhcentury"]:
        century = int(number_of(got["century"] or got["zhcentury"]) or 0)
        return 100 * (century - 1) + 1, 100 * century
    if got["worddecade"]:
        first = 1920 + 10 * _DECADES.index(got["worddecade"])
    else:
        text = got["decade"] or got["zhdecade"]
        first = 0 if text == "零零" else int(number_of(text) or 0)
        if first < 100:
            first += _century_of(got["of"], first)
    low, high = _PART.get(got["part"] or got["wordpart"] or got["zhpart"] or "", (0, 9))
    return first + low, first + high


def _century_of(said: str | None, decade: int) -> int:
    if said and said.startswith(("十九", "19")):
        return 1800
    if said and said.startswith(("二十一", "21", "本")):
        return 2000
    # The 00s and the 10s are this century's; nobody calls the 1900s and 1910s so.
    return 2000 if decade < 20 and not said else 1900


def _with_words(line: str, start: int, end: int, low: int, high: int) -> Period:
    before, after = _BEFORE_IT.search(line[:start]), _AFTER_IT.search(line[end:])
    word = before["word"] if before else ""
    if after and word in {"", "from", "从"}:
        told = after["word"].strip()
        inclusive = told.startswith(("or ", "and ", "及", "或"))
        told = told.lstrip("及或").removeprefix("or ").removeprefix("and ")
        if told in _LATER | _SINCE | {"later", "newer", "above", "up", "more recent", "beyond"}:
            bounds: tuple[int | None, int | None] = (low if inclusive or told in _SINCE else high + 1, None)
        else:
            bounds = (None, high if inclusive or told in _UNTIL else low - 1)
        begun = before.start("word") if before else start
        return _flipped(begun, end + after.end(), *bounds, before)
    begun = before.start() if before else start
    if word in _SINCE:
        return _flipped(begun, end, low, None, before)
    if word in _LATER:
        return _flipped(begun, end, high + 1, None, before)
    if word in _EARLIER:
        return _flipped(begun, end, None, low - 1, before)
    if word in _UNTIL:
        return _flipped(begun, end, None, high, before)
    return Period(start=before.start("word") if before else start, end=end, low=low, high=high)


def _flipped(start: int, end: int, low: int | None, high: int | None, before: re.Match[str] | None) -> Period:
    """Turned round where it is negated: "nothing before 1980" is from 1980 on."""
    negated = before is not None and bool(before["not"] or before["zhnot"])
    if negated:
        low, high = (high + 1, None) if high is not None else (None, (low or 0) - 1)
        start = before.start() if before else start
    return Period(start=start, end=end, low=low, high=high, negated=negated)


def _reach_back(line: str, start: int) -> int:
    found = re.search(r"(?:between|from|从|自)(?: the)? ?$", line[:start])
    return found.start() if found else start


def _between_tail(line: str, end: int) -> int:
    found = re.match(r"之间|间|期间", line[end:])
    return found.end() if found else 0
