"""Attribute values, names and domains in an utterance, wanted or refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from rapidfuzz import process
from rapidfuzz.distance import OSA

from service.chat.scan import Scan
from service.chat.tokens import breaks
from service.chat.types import Facet
from service.chat.vocabulary import Value, Vocabulary

_SHORTEST_GUESS = 5
_TELLING = 7
"""Letters from which a last name counts without a capital."""
_TWO_SLIPS = 8
"""Letters from which two slips are forgiven in a word, one below."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """One value or domain that was named, at [start, end)."""

    start: int
    end: int
    values: tuple[Value, ...]
    domain: str | None
    refused: bool
    released: bool


def heard_in(scan: Scan) -> list[Heard]:
    """The values, names and domains of an utterance in their order; their tokens are spent."""
    found: list[Heard] = []
    place = 0
    while place < len(scan.tokens):
        one = None if scan.spent[place] else _at(scan, place)
        if one is None:
            place += 1
            continue
        found.append(one)
        scan.take(one.start, one.end)
        place = one.end
    return found


def facets_of(scan: Scan, heard: list[Heard]) -> tuple[Facet, ...]:
    """The conditions of values: a list that ends in "or" is one, and so are several of an attribute without lists."""
    told = [one for one in heard if one.values and not one.released]
    facets: list[Facet] = []
    for group in _alternatives(scan, told):
        new = _facet(group[0])
        values = tuple(dict.fromkeys(value for one in group for value in _facet(one).values))
        new = replace(new, values=values)
        single = new.attribute not in scan.vocabulary.listed and not new.refused
        twin = next((k for k, facet in enumerate(facets) if single and _alike(facet, new)), None)
        if twin is not None:
            facets[twin] = replace(facets[twin], values=tuple(dict.fromkeys((*facets[twin].values, *values))))
        elif new not in facets:
            facets.append(new)
    return tuple(facets)


def _alternatives(scan: Scan, told: list[Heard]) -> list[list[Heard]]:
    """Values of one attribute in a row whose last joint is "or" ("comedy, drama or romance") as one group each."""
    groups: list[list[Heard]] = []
    listed: list[Heard] = []
    for one in told:
        alike = bool(listed) and _alike(_facet(listed[-1]), _facet(one)) and not one.refused
        joint = _joint(scan, listed[-1].end, one.start) if alike else None
        if joint == "or":
            listed.append(one)
            merged = [each for each in listed[:-1] if [each] in groups]
            groups = [group for group in groups if group not in [[each] for each in merged] and group != listed[:-1]]
            groups.append(list(listed))
            continue
        listed = [*listed, one] if joint == "comma" else [one]
        groups.append([one])
    return groups


def _joint(scan: Scan, start: int, end: int) -> str | None:
    if end - start <= 4 and scan.cues_in(start, end, "or"):
        return "or"
    return "comma" if end - start == 1 and scan.tokens[start].form in {",", "，", "、"} else None


def _facet(one: Heard) -> Facet:
    attribute = one.values[0].attribute
    values = tuple(value.value for value in one.values if value.attribute == attribute)
    return Facet(attribute=attribute, values=values, refused=one.refused)


def _alike(one: Facet, other: Facet) -> bool:
    return one.attribute == other.attribute and one.refused == other.refused


def _at(scan: Scan, place: int) -> Heard | None:
    vocabulary = scan.vocabulary
    value = scan.match(place, vocabulary.values)
    domain = scan.match(place, vocabulary.domains)
    if value is not None and (domain is None or value[0] >= domain[0]) and not _part_of_cue(scan, place, value[0]):
        return _heard(scan, place, *value)
    if domain is not None and not _inside_word(scan, place, domain[0]):
        end = domain[0]
        return Heard(
            start=place,
            end=end,
            values=(),
            domain=domain[1],
            refused=scan.refused(place, end),
            released=scan.released(place),
        )
    if (near := _singular(scan, place)) or (near := _name(scan, place)) or (near := _misspelt(scan, place)):
        return _heard(scan, place, *near)
    return None


def _heard(scan: Scan, place: int, end: int, values: tuple[Value, ...]) -> Heard:
    # 片 right behind a kind (恐怖片) says that a film is meant, unless the kind is refused.
    refused, released = scan.refused(place, end), scan.released(place)
    film = scan.vocabulary.domains.get(("片",)) if end - place > 1 and scan.tokens[end - 1].form == "片" else None
    domain = None if refused or released else film
    if end < len(scan.tokens) and scan.tokens[end].form == "片" and not scan.spent[end]:
        domain = None if refused or released else scan.vocabulary.domains.get(("片",))
        end += 1
    return Heard(start=place, end=end, values=_preferred(values), domain=domain, refused=refused, released=released)


def _preferred(values: tuple[Value, ...]) -> tuple[Value, ...]:
    """All spellings of one attribute; of several attributes the first one's."""
    return tuple(value for value in values if value.attribute == values[0].attribute)


def _inside_word(scan: Scan, place: int, end: int) -> bool:
    """Whether one character is the end of a longer word that nothing knows: 默片 is no kind of its own."""
    before = scan.tokens[place - 1] if place else None
    if end - place > 1 or before is None or not scan.tokens[place].is_cjk or not before.is_cjk or scan.spent[place - 1]:
        return False
    return all(scan.matches(start, scan.vocabulary.idle_phrases) != place for start in range(max(place - 4, 0), place))


def _part_of_cue(scan: Scan, place: int, end: int) -> bool:
    """Whether the words are inside a longer cue, such as the US in "tell us"."""
    token = scan.tokens[place]
    if token.form == "us" and end == place + 1:
        return token.raw != "US"
    return any(cue.start <= place and end <= cue.end and cue.end - cue.start > end - place for cue in scan.cues)


def _singular(scan: Scan, place: int) -> tuple[int, tuple[Value, ...]] | None:
    form = scan.tokens[place].form
    if not scan.tokens[place].is_word or len(form) < 4 or not form.endswith("s"):
        return None
    for singular in (
        form[:-1],
        form[:-3] + "y" if form.endswith("ies") else "",
        form[:-2] if form.endswith("es") else "",
    ):
        values = scan.vocabulary.values.get((singular,))
        if values:
            return place + 1, values
    return None


def _name(scan: Scan, place: int) -> tuple[int, tuple[Value, ...]] | None:
    """A name by its last part in capitals, or a misspelt whole name behind "by", "with" and the like."""
    token = scan.tokens[place]
    if not token.is_word:
        return None
    found = scan.match(place, scan.vocabulary.surnames)
    cued = any(cue.end == place and "person" in cue.names for cue in scan.cues)
    alone = sum(not each.is_mark for each in scan.tokens) <= 2
    telling = token.raw[0].isupper() or len(token.form) >= _TELLING
    if found is not None and (cued or alone or (telling and token.form not in scan.vocabulary.idle)):
        return found[0], found[1][:1]
    return _misspelt_name(scan, place) if cued or token.raw[0].isupper() else None


def _misspelt_name(scan: Scan, place: int) -> tuple[int, tuple[Value, ...]] | None:
    names = _name_spellings(scan.vocabulary)
    forms: list[str] = []
    for at in range(place, min(place + 5, len(scan.tokens))):
        if scan.spent[at] or breaks(scan.tokens, at):
            break
        if scan.tokens[at].is_mark:
            continue
        forms.append(scan.tokens[at].form)
        said = "".join(forms)
        if len(forms) < 2 or len(said) < 8:
            continue
        near = process.extractOne(said, names.keys(), scorer=OSA.distance, score_cutoff=2)
        if near is not None:
            return at + 1, names[near[0]]
    return None


def _name_spellings(vocabulary: Vocabulary) -> dict[str, tuple[Value, ...]]:
    return {
        "".join(phrase): values
        for phrase, values in vocabulary.values.items()
        if values[0].attribute in vocabulary.named and phrase[0].isascii()
    }


def _misspelt(scan: Scan, place: int) -> tuple[int, tuple[Value, ...]] | None:
    token = scan.tokens[place]
    form = token.form
    if not token.is_word or len(form) < _SHORTEST_GUESS or form in scan.vocabulary.idle:
        return None
    if _part_of_cue(scan, place, place + 1):
        return None
    slips = 2 if len(form) >= _TWO_SLIPS else 1
    words = list(_kind_words(scan.vocabulary, form[0]))
    near = process.extractOne(form, words, scorer=OSA.distance, score_cutoff=slips)
    return None if near is None else (place + 1, scan.vocabulary.values[(near[0],)])


def _kind_words(vocabulary: Vocabulary, initial: str) -> Iterator[str]:
    """Single words for values that are not names, with the same first letter: people seldom get that one wrong."""
    for phrase, values in vocabulary.values.items():
        single = len(phrase) == 1 and len(phrase[0]) >= _SHORTEST_GUESS - 1 and phrase[0][0] == initial
        if single and values[0].attribute not in vocabulary.named:
            yield phrase[0]
