"""What a catalogue has names for: titles, attribute values, measures and domains, by the words that ask for them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from retrieval.types import Item
from service.chat.lexicon import CueName, Lexicon, Unit
from service.chat.tokens import Phrase, phrase_of

_LONGEST_PHRASE = 12
_NAMES = frozenset(
    {
        "people",
        "person",
        "director",
        "directors",
        "actor",
        "actors",
        "cast",
        "author",
        "authors",
        "artist",
        "artists",
        "writer",
        "writers",
        "creator",
        "creators",
        "brand",
    }
)
"""Attributes whose values are names: a last part may stand for the whole."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Value:
    """One value of an attribute, spelt as in the catalogue."""

    attribute: str
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """A numeric attribute and what it measures."""

    attribute: str
    measure: str
    units: tuple[Unit, ...]
    more: frozenset[Phrase]
    less: frozenset[Phrase]
    words: frozenset[Phrase]


@dataclass(frozen=True, kw_only=True, slots=True)
class Vocabulary:
    """Built from all items of a catalogue. Phrases are looked up whole."""

    items: Mapping[str, Item]
    lexicon: Lexicon
    titles: Mapping[Phrase, tuple[str, ...]]
    """Item ids by title, and by title without subtitle or article; in the order of ids."""
    aliases: Mapping[Phrase, tuple[str, ...]]
    """Item ids by the lexicon's other names of titles."""
    values: Mapping[Phrase, tuple[Value, ...]]
    surnames: Mapping[Phrase, tuple[Value, ...]]
    """Names by their last part, the one with most items first."""
    listed: frozenset[str]
    """Attributes that hold lists: several values may be wanted at once."""
    named: frozenset[str]
    """Attributes whose values are names."""
    attributes: frozenset[str]
    """Names of all attributes that conditions may be on."""
    measures: Mapping[str, Measure]
    """By what they measure: year, price, duration, pages."""
    asked_measures: Mapping[str, frozenset[Phrase]]
    """All words of every measure, whether the catalogue has it or not."""
    domains: Mapping[Phrase, str]
    domain_verbs: Mapping[Phrase, str]
    domain_sizes: Mapping[str, int]
    """Number of items of every domain."""
    cues: Mapping[Phrase, frozenset[CueName]]
    """What a phrase does to what stands around it."""
    idle: frozenset[str]
    """Latin words that ask for nothing."""
    idle_phrases: frozenset[Phrase]
    """The same in Chinese."""
    longest_title: int


def build_vocabulary(items: Mapping[str, Item], lexicon: Lexicon) -> Vocabulary:
    """The vocabulary of a catalogue; the same items give the same one."""
    counted, listed, numeric = _attributes(items.values())
    named = frozenset(name for name in {value.attribute for value in counted} if name.casefold() in _NAMES)
    titles = _titles(items.values(), lexicon)
    domains = frozenset(item.domain for item in items.values())
    return Vocabulary(
        items=items,
        lexicon=lexicon,
        titles=titles,
        aliases=_aliases(items, titles, lexicon),
        values=_values(counted, lexicon),
        surnames=_surnames(counted, named, lexicon),
        listed=frozenset(listed),
        named=named,
        attributes=frozenset({value.attribute for value in counted} | numeric),
        measures=_measures(numeric, lexicon),
        asked_measures={
            name: _phrases((*words.more, *words.less), lexicon) for name, words in lexicon.measures.items()
        },
        domains=_domain_words(domains, lexicon, verbs=False),
        domain_verbs=_domain_words(domains, lexicon, verbs=True),
        domain_sizes=Counter(item.domain for item in items.values()),
        cues=_cues(lexicon),
        idle=frozenset(form for word in lexicon.idle for form in phrase_of(word, lexicon.traditional)),
        idle_phrases=_phrases(lexicon.idle_phrases, lexicon),
        longest_title=min(max((len(phrase) for phrase in titles), default=1), _LONGEST_PHRASE),
    )


def _attributes(items: Iterable[Item]) -> tuple[Counter[Value], set[str], set[str]]:
    counted: Counter[Value] = Counter()
    listed, numeric = set(), set()
    for item in items:
        for name, held in item.attributes.items():
            if isinstance(held, bool):
                continue
            if isinstance(held, int | float):
                numeric.add(name)
                continue
            if isinstance(held, tuple):
                listed.add(name)
            counted.update(Value(attribute=name, value=one) for one in ((held,) if isinstance(held, str) else held))
    return counted, listed, numeric


def _titles(items: Iterable[Item], lexicon: Lexicon) -> dict[Phrase, tuple[str, ...]]:
    whole, short = defaultdict(list), defaultdict(list)
    for item in sorted(items, key=lambda item: item.item_id):
        phrase = phrase_of(item.title[:400], lexicon.traditional)
        if not phrase:
            continue
        whole[phrase].append(item.item_id)
        before, colon, _ = item.title[:400].partition(":")
        for other in (
            phrase[1:] if phrase[0] in {"the", "a", "an"} else (),
            phrase_of(before, lexicon.traditional) if colon else (),
        ):
            if other and other != phrase:
                short[other].append(item.item_id)
    # A short form never hides a whole title.
    return {phrase: tuple(ids) for phrase, ids in ({**short, **whole}).items()}


def _aliases(
    items: Mapping[str, Item], titles: Mapping[Phrase, tuple[str, ...]], lexicon: Lexicon
) -> dict[Phrase, tuple[str, ...]]:
    found: dict[Phrase, tuple[str, ...]] = {}
    for title, names in lexicon.titles.items():
        ids = tuple(i for i in titles.get(phrase_of(title, lexicon.traditional), ()) if items[i].title == title)
        if ids:
            found.update(dict.fromkeys((phrase_of(name, lexicon.traditional) for name in names), ids))
    return {phrase: ids for phrase, ids in found.items() if phrase not in titles}


def _values(counted: Counter[Value], lexicon: Lexicon) -> dict[Phrase, tuple[Value, ...]]:
    found: dict[Phrase, dict[Value, None]] = defaultdict(dict)
    by_name: dict[str, list[Value]] = defaultdict(list)
    for value in sorted(counted, key=lambda value: (value.attribute, value.value)):
        phrase = phrase_of(value.value[:200], lexicon.traditional)
        if phrase:
            found[phrase][value] = None
            by_name[value.value.casefold()].append(value)
    own = frozenset(found)
    for spelt, others in (*lexicon.values.items(), *lexicon.people.items()):
        for other in others:
            phrase = phrase_of(other, lexicon.traditional)
            # What the catalogue itself calls by that word comes before the lexicon's guess.
            if phrase and phrase not in own:
                found[phrase].update(dict.fromkeys(by_name.get(spelt.casefold(), ())))
    return {phrase: tuple(values) for phrase, values in found.items() if values}


def _surnames(counted: Counter[Value], named: frozenset[str], lexicon: Lexicon) -> dict[Phrase, tuple[Value, ...]]:
    found: dict[Phrase, list[Value]] = defaultdict(list)
    for value in sorted(counted, key=lambda value: (-counted[value], value.attribute, value.value)):
        phrase = phrase_of(value.value[:200], lexicon.traditional) if value.attribute in named else ()
        if len(phrase) > 1 and len(phrase[-1]) > 1:
            found[phrase[-1:]].append(value)
            if len(phrase) > 2:
                found[phrase[-2:]].append(value)
    return {
        # Of several with one name it is the one with clearly most items, or nobody.
        phrase: tuple(values)
        for phrase, values in found.items()
        if len(values) == 1 or counted[values[0]] >= 2 * counted[values[1]]
    }


def _measures(numeric: set[str], lexicon: Lexicon) -> dict[str, Measure]:
    found = {}
    for measure, words in lexicon.measures.items():
        attribute = next((name for name in words.names if name in numeric), None)
        if attribute is not None:
            found[measure] = Measure(
                attribute=attribute,
                measure=measure,
                units=tuple(unit for unit in lexicon.units if unit.measure == measure),
                more=_phrases(words.more, lexicon),
                less=_phrases(words.less, lexicon),
                words=_phrases(words.words, lexicon),
            )
    return found


def _domain_words(domains: frozenset[str], lexicon: Lexicon, *, verbs: bool) -> dict[Phrase, str]:
    found: dict[Phrase, str] = {}
    for group in lexicon.domains:
        domain = next((name for name in sorted(domains) if name.casefold() in group.names), None)
        if domain is not None:
            found.update(dict.fromkeys(_phrases(group.verbs if verbs else group.words, lexicon), domain))
    if not verbs:
        found.update({phrase_of(domain, lexicon.traditional): domain for domain in sorted(domains)})
    found.pop((), None)
    return found


def _cues(lexicon: Lexicon) -> dict[Phrase, frozenset[CueName]]:
    found: dict[Phrase, set[CueName]] = defaultdict(set)
    for name, texts in lexicon.cues.items():
        for phrase in _phrases(texts, lexicon):
            found[phrase].add(name)
    return {phrase: frozenset(names) for phrase, names in found.items()}


def _phrases(texts: Iterable[str], lexicon: Lexicon) -> frozenset[Phrase]:
    return frozenset(phrase_of(text, lexicon.traditional) or (text,) for text in texts)
