"""Answers and picks in an utterance: yes and no, "the second one", "the first two", 前两部."""

from __future__ import annotations

import re

from service.chat.numbers import ZH_NUMBER, number_of, ordinal_of
from service.chat.scan import Scan
from service.chat.stances import AHEAD, BEHIND, stance_of
from service.chat.types import Conversation, Pick, Question, Stance

_MEASURE_WORDS = "部本个首张款条篇集片名"
_EN_PICK = re.compile(
    r"\b(?:the )?(?P<several>first|last) (?P<n>two|three|four|five|\d) ?(?:ones?|films?|movies?|books?)?\b"
    r"|(?:#|\bnumber |\bno\. ?)(?P<number>\d{1,2})\b"
    r"|\b(?:the |your )?(?P<ordinal>first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last|"
    r"\d{1,2}(?:st|nd|rd|th))"
    r"(?! (?:world|century|time|of all|time))(?: (?:one|film|movie|book|item|pick|suggestion|option))?\b"
)
_ZH_PICK = re.compile(
    rf"(?P<several>前|最后)(?P<n>{ZH_NUMBER}|\d)[{_MEASURE_WORDS}]"
    rf"|第(?P<ordinal>{ZH_NUMBER}|\d{{1,2}})[{_MEASURE_WORDS}]?"
    rf"|(?P<last>最后)(?:一?[{_MEASURE_WORDS}]|的)"
)
_CENTURY = re.compile(r"^ ?(?:century|世纪)|^-century")


def answer_of(scan: Scan) -> bool | None:
    """Yes or no, where the utterance is it or begins with it before a comma; its tokens are spent."""
    for name in ("yes", "no"):
        phrases = [phrase for phrase, names in scan.vocabulary.cues.items() if name in names]
        end = scan.matches(0, phrases)
        if end is not None and (end == len(scan.tokens) or scan.tokens[end].is_mark):
            scan.take(0, end)
            return name == "yes"
    return None


def picks_in(scan: Scan, state: Conversation) -> tuple[Pick, ...]:
    """The places of the shown list that are named, with what is said of them; their tokens are spent.

    Without a list on show nothing is one: "my first film" is then just words.
    """
    if not state.shown:
        return ()
    line, places = scan.line()
    picks: list[Pick] = []
    for match in [*_EN_PICK.finditer(line), *_ZH_PICK.finditer(line)]:
        if _CENTURY.match(line[match.end() :]):
            continue
        tokens = sorted({place for place in places[match.start() : match.end()] if place >= 0})
        stance = _stance(scan, tokens[0], tokens[-1] + 1)
        scan.take(tokens[0], tokens[-1] + 1)
        picks += [Pick(place=place, stance=stance) for place in _places(match)]
    return tuple(pick for pick in picks if abs(pick.place) <= len(state.shown))


def chosen_of(scan: Scan, question: Question) -> tuple[int, ...]:
    """Which of a question's items the utterance takes, from 1: by place, by year, by kind, or all of them."""
    items = [scan.vocabulary.items[item_id] for item_id in question.item_ids]
    line, _ = scan.line()
    said = [place for match in [*_EN_PICK.finditer(line), *_ZH_PICK.finditer(line)] for place in _places(match)]
    places = [place if place > 0 else len(items) + 1 + place for place in said]
    if chosen := tuple(place for place in places if 1 <= place <= len(items)):
        return chosen
    if scan.has("all") and not scan.has("refuse"):
        return tuple(range(1, len(items) + 1))
    years = {float(year) for year in re.findall(r"(?<!\d)\d{4}(?!\d)", line)}
    by_year = tuple(k for k, item in enumerate(items, start=1) if item.attributes.get("year") in years)
    domains = {found[1] for place in range(len(scan.tokens)) if (found := scan.match(place, scan.vocabulary.domains))}
    by_kind = tuple(k for k, item in enumerate(items, start=1) if item.domain in domains)
    return by_year or (by_kind if len(by_kind) < len(items) else ())


def _places(match: re.Match[str]) -> list[int]:
    got = match.groupdict()
    if got.get("several"):
        n = int(number_of(got["n"]) or 0)
        return list(range(1, n + 1)) if got["several"] in {"first", "前"} else list(range(-n, 0))
    if got.get("number"):
        return [int(got["number"])]
    if got.get("last") or got["ordinal"] == "last":
        return [-1]
    word = got["ordinal"]
    place = ordinal_of(word) or number_of(re.sub(r"(?:st|nd|rd|th)$", "", word)) or 0
    return [int(place)] if place else []


def _stance(scan: Scan, start: int, end: int) -> Stance | None:
    first, last = scan.clause(start)
    behind = scan.cues_in(end, last, *BEHIND)
    if not behind and scan.tokens[start].is_cjk:
        # Chinese tells the liking after what is liked: 最后一部我很喜欢.
        behind = scan.cues_in(end, last, "love", "hate")
    if behind:
        return stance_of(behind[0].names)
    ahead = scan.cues_in(first, start, *AHEAD)
    if not ahead:
        return None
    return "seen" if "finished" in ahead[-1].names else stance_of(ahead[-1].names)
