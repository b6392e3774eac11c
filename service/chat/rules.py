"""A reader without a language model: cues, numbers, and the catalogue's own words."""

from __future__ import annotations

import asyncio
import re

from service.chat.amounts import amounts_in
from service.chat.answers import answer_of, chosen_of, picks_in
from service.chat.facets import Heard, facets_of, heard_in
from service.chat.numbers import NUMBER, number_of
from service.chat.periods import periods_in
from service.chat.protocol import Read
from service.chat.rest import rest_of
from service.chat.scan import Scan
from service.chat.titles import TitleFinder
from service.chat.types import Comparison, Condition, Conversation, Facet, Mention, Reading, Span
from service.chat.vocabulary import Vocabulary

MOST_ITEMS = 20
_COUNT = re.compile(
    rf"(?<![\d第前后另])(?:(?P<zh>\d{{1,2}}|[一二两三四五六七八九十]+)[部本个首张款](?!月|世纪|小时|半|钟)"
    rf"|\b(?:a )?(?P<en>{NUMBER})\b(?: of (?:them|those|these)| \w+){{0,4}}? ?"
    r"(?:of them|of those|films?|movies?|books?|novels?|titles?|items?|recommendations?|suggestions?|ones|more|picks|"
    r"results|options|\x1f+(?: \x1f+)*))"
)
_HER = {"him", "her", "them", "他", "她"}


class RuleReader:
    """Reads with rules. The finder of titles is kept for the vocabulary it was made for."""

    name = "rules"

    def __init__(self) -> None:
        self._finder: tuple[Vocabulary, TitleFinder] | None = None

    async def read(self, state: Conversation, utterance: str, vocabulary: Vocabulary) -> Read:
        """What the utterance says in this state."""
        # A misspelt title in a catalogue of 100,000 takes a third of a second: other requests go on meanwhile.
        reading = await asyncio.to_thread(self.reading, state, utterance, vocabulary)
        return Read(reading=reading, reader=self.name)

    def finder(self, vocabulary: Vocabulary) -> TitleFinder:
        """The finder of a vocabulary's titles."""
        held = self._finder
        if held is None or held[0] is not vocabulary:
            held = (vocabulary, TitleFinder(vocabulary))
            self._finder = held
        return held[1]

    def reading(self, state: Conversation, utterance: str, vocabulary: Vocabulary) -> Reading:
        """The same without waiting. Pure: the same arguments give the same reading."""
        scan = Scan(utterance, vocabulary)
        restart = _restart(scan)
        answer = answer_of(scan)
        question = state.question
        if question is not None and question.kind == "which" and (chosen := chosen_of(scan, question)):
            return Reading(chosen=chosen)
        picks = picks_in(scan, state)
        mentions = self.finder(vocabulary).mentions(scan)
        ranges, unsupported, released = _ranges(scan)
        comparisons, missing = _comparisons(scan)
        heard = heard_in(scan)
        count = _count(scan)
        more = _take_cue(scan, "more")
        domain, any_domain = _domain(scan, heard, state)
        rest = rest_of(scan)
        return Reading(
            restart=restart,
            answer=answer,
            mentions=_settled(mentions, domain or state.domain, vocabulary),
            picks=picks,
            conditions=(*facets_of(scan, heard), *ranges),
            comparisons=comparisons,
            released=(*released, *_pronouns(scan)),
            released_values=tuple(_release(one) for one in heard if one.released and one.values),
            replaces=scan.has("replace"),
            adds=scan.has("also"),
            domain=domain,
            any_domain=any_domain,
            count=count,
            more=more,
            text=rest.text,
            unchecked=rest.refused,
            unsupported=tuple(dict.fromkeys((*unsupported, *missing, *_languages(scan)))),
            unknown=tuple(mention.text for mention in mentions if not mention.item_ids),
        )


def _restart(scan: Scan) -> bool:
    return _take_cue(scan, "restart")


def _languages(scan: Scan) -> tuple[str, ...]:
    return ("language",) if scan.has("language") else ()


def _take_cue(scan: Scan, name: str) -> bool:
    found = [cue for cue in scan.cues if name in cue.names and scan.free(cue.start, cue.end)]
    for cue in found:
        scan.take(cue.start, cue.end)
    return bool(found)


def _ranges(scan: Scan) -> tuple[tuple[Condition, ...], tuple[str, ...], tuple[str, ...]]:
    """Conditions on measures, the measures that the catalogue does not tell, and attributes that no longer matter."""
    spans: list[Condition] = []
    unsupported = []
    for amount in amounts_in(scan):
        if amount.span is None:
            unsupported.append(amount.measure)
        else:
            spans.append(amount.span)
    line, places = scan.line()
    year = scan.vocabulary.measures.get("year")
    for period in periods_in(line):
        tokens = sorted({place for place in places[period.start : period.end] if place >= 0})
        if year is None:
            unsupported.append("year")
        elif period.refused:
            spans.append(
                Span(attribute=year.attribute, low=_number(period.low), high=_number(period.high), refused=True)
            )
        elif period.negated or not scan.refused(tokens[0], tokens[-1] + 1):
            spans.append(Span(attribute=year.attribute, low=_number(period.low), high=_number(period.high)))
        else:
            spans.append(_refused(year.attribute, period.low, period.high))
        scan.take(tokens[0], tokens[-1] + 1)
    return tuple(spans), tuple(unsupported), _released(scan)


def _refused(attribute: str, low: int | None, high: int | None) -> Span:
    """Not before 1980 is from 1980 on; not the nineties stays a refusal."""
    if low is None and high is not None:
        return Span(attribute=attribute, low=high + 1.0)
    if high is None and low is not None:
        return Span(attribute=attribute, high=low - 1.0)
    return Span(attribute=attribute, low=_number(low), high=_number(high), refused=True)


def _number(year: int | None) -> float | None:
    return None if year is None else float(year)


def _released(scan: Scan) -> tuple[str, ...]:
    """Measures that no longer matter: the measure's own word in a clause that lets go, or behind "any"."""
    found = []
    for measure in scan.vocabulary.measures.values():
        for place in range(len(scan.tokens)):
            end = None if scan.spent[place] else scan.matches(place, measure.words)
            if end is None:
                continue
            if scan.released(place) or (place > 0 and scan.tokens[place - 1].form == "any"):
                found.append(measure.attribute)
                scan.take(place, end)
    return tuple(dict.fromkeys(found))


def _pronouns(scan: Scan) -> tuple[str, ...]:
    """Where a person is let go ("forget about him"), whoever was asked for no longer matters."""
    said = [place for place, token in enumerate(scan.tokens) if token.form in _HER and scan.released(place)]
    return tuple(sorted(scan.vocabulary.named)) if said else ()


def _comparisons(scan: Scan) -> tuple[tuple[Comparison, ...], tuple[str, ...]]:
    found: list[Comparison] = []
    missing = []
    for name, words in scan.vocabulary.asked_measures.items():
        measure = scan.vocabulary.measures.get(name)
        for place in range(len(scan.tokens)):
            end = None if scan.spent[place] else scan.matches(place, words)
            if end is None:
                continue
            phrase = tuple(token.form for token in scan.tokens[place:end] if not token.is_mark)
            if measure is None:
                missing.append(name)
            else:
                sign = 1 if phrase in measure.more else -1
                refused = scan.refused(place, end)
                found.append(Comparison(attribute=measure.attribute, sign=1 if (sign == 1) != refused else -1))
            scan.take(place, end)
    return tuple(found), tuple(missing)


def _domain(scan: Scan, heard: list[Heard], state: Conversation) -> tuple[str | None, bool]:
    """The domain asked for, and whether any will do."""
    named = [one for one in heard if one.domain is not None]
    kinds = {one.end for one in heard if one.values and one.refused}
    # "Not too old a film" still asks for a film; "no horror films" says nothing of other films.
    wanted = [
        one.domain
        for one in named
        if not one.refused or one.values or not (_right_behind(scan, one) or one.start in kinds)
    ]
    if any(one.released for one in named):
        return None, True
    if wanted:
        different = state.domain is not None and state.domain != wanted[-1]
        return (None, True) if different and scan.has("also") else (wanted[-1], False)
    refused = {one.domain for one in named if _right_behind(scan, one)}
    others = scan.vocabulary.domain_sizes.keys() - refused
    only_kind = len(heard) == len(named)
    if refused and only_kind and len(others) == 1:
        return next(iter(others)), False
    return _by_verb(scan) if state.domain is None else None, False


def _right_behind(scan: Scan, one: Heard) -> bool:
    """Whether a refusal stands right before a domain: "not a book" asks for the other kind, 不要太老的书 does not."""
    apart = 0 if scan.tokens[one.start].is_cjk else 1
    return any(0 <= one.start - cue.end <= apart for cue in scan.cues if "refuse" in cue.names)


def _by_verb(scan: Scan) -> str | None:
    for place in range(len(scan.tokens)):
        if not scan.spent[place] and (found := scan.match(place, scan.vocabulary.domain_verbs)):
            return found[1]
    return None


def _release(one: Heard) -> Facet:
    return Facet(attribute=one.values[0].attribute, values=tuple(value.value for value in one.values))


def _count(scan: Scan) -> int | None:
    line, places = scan.line()
    for match in _COUNT.finditer(line):
        said = match["zh"] or match["en"]
        number = number_of(said)
        if number is None or number != int(number) or number < 1:
            continue
        group = "zh" if match["zh"] else "en"
        if number == 1 and line[match.end() - 1] == "个":
            # 一个 is only an article.
            continue
        tokens = sorted({place for place in places[match.start(group) : match.end(group)] if place >= 0})
        scan.take(tokens[0], tokens[-1] + (2 if group == "zh" else 1))
        return min(int(number), MOST_ITEMS)
    return None


def _settled(mentions: tuple[Mention, ...], domain: str | None, vocabulary: Vocabulary) -> tuple[Mention, ...]:
    """Where a title means several items, the kind that was asked for decides if it can."""
    settled = []
    for mention in mentions:
        fitting = tuple(i for i in mention.item_ids if domain is not None and vocabulary.items[i].domain == domain)
        ids = fitting if fitting else mention.item_ids
        settled.append(Mention(text=mention.text, stance=mention.stance, item_ids=ids))
    return tuple(settled)
