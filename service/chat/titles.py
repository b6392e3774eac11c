"""Titles in an utterance: in quotes, after "like" and its kin, or before 那样; exact, by another name, or misspelt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz import process
from rapidfuzz.distance import OSA

from service.chat.scan import Cue, Scan
from service.chat.stances import AHEAD, BEHIND, stance_of
from service.chat.tokens import Phrase, breaks, phrase_of
from service.chat.types import Mention, Stance
from service.chat.vocabulary import Vocabulary

_QUOTES = {"《": "》", "“": "”", "「": "」", "『": "』", '"': '"', "〈": "〉"}
_MOST_OPTIONS = 3
_LONGEST_GUESS = 8
_TELLING = 8
"""Letters of a misspelt title that counts without any cue."""
_SHORT, _MIDDLE = 6, 12
"""Letters below which one, and two, slips are forgiven; three from there on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    start: int
    end: int
    item_ids: tuple[str, ...]


class TitleFinder:
    """Finds titles by the vocabulary of one catalogue."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._names: Mapping[Phrase, tuple[str, ...]] = {
            name: self._likeliest(ids) for name, ids in {**vocabulary.aliases, **vocabulary.titles}.items()
        }
        self._longest = max((len(name) for name in self._names), default=1)
        self._joined = {phrase: "".join(phrase) for phrase in self._names}

    def mentions(self, scan: Scan) -> tuple[Mention, ...]:
        """The titles of an utterance in their order; their tokens are spent."""
        found = [*self._quoted(scan), *self._cued(scan), *self._alone(scan)]
        mentions = []
        for each in sorted(found, key=lambda each: each.start):
            said = scan.text[scan.tokens[each.start].start : scan.tokens[each.end - 1].end].strip(
                '《》“”「」『』"〈〉 '
            )
            mentions.append(Mention(text=said, stance=_stance(scan, each), item_ids=each.item_ids))
        return tuple(mentions)

    def resolve(self, title: str) -> tuple[str, ...]:
        """The items that a title may mean, likeliest first: exact, by another name, or misspelt; empty for none."""
        phrase = phrase_of(title, self._vocabulary.lexicon.traditional)
        return self._names.get(phrase) or self._guess(phrase)

    def _quoted(self, scan: Scan) -> Iterator[_Found]:
        for start, token in enumerate(scan.tokens):
            closing = _QUOTES.get(token.raw)
            if closing is None or scan.spent[start]:
                continue
            end = next((k for k in range(start + 1, len(scan.tokens)) if scan.tokens[k].raw == closing), None)
            if end is None or end == start + 1:
                continue
            phrase = tuple(each.form for each in scan.tokens[start + 1 : end] if not each.is_mark)
            yield self._spend(scan, start, end + 1, self._names.get(phrase) or self._guess(phrase))

    def _cued(self, scan: Scan) -> Iterator[_Found]:
        for cue in scan.cues:
            if cue.names & set(AHEAD) and not _is_wish(scan, cue):
                yield from self._listed(scan, cue.end, guess=not cue.names <= {"refuse"})
            if cue.names & set(BEHIND):
                yield from self._before(scan, cue)

    def _listed(self, scan: Scan, start: int, *, guess: bool) -> Iterator[_Found]:
        """A title at a place, and those that "and" or a comma joins to it."""
        first = _past_idle(scan, start)
        found = self._at(scan, start, guess=guess) or (self._at(scan, first, guess=guess) if first != start else None)
        while found is not None:
            yield self._spend(scan, found.start, found.end, found.item_ids)
            place = _past_joint(scan, found.end)
            found = None if place is None else self._at(scan, place, guess=True)

    def _before(self, scan: Scan, cue: Cue) -> Iterator[_Found]:
        """Titles that end before a cue such as 那样 or "is great", back to the clause's start."""
        first = scan.clause(cue.start)[0]
        for start in range(first, cue.start):
            if scan.spent[start] or scan.tokens[start].is_mark:
                continue
            found = self._at(scan, start, guess=False)
            near = found is not None and _only_idle(scan, found.end, cue.start)
            if found is not None and (near or found.end - found.start > 3):
                yield self._spend(scan, found.start, found.end, found.item_ids)
        run = cue.start
        while run > first and scan.tokens[run - 1].is_word and not scan.spent[run - 1]:
            run -= 1
        if run < cue.start and scan.tokens[cue.start].is_cjk:
            # A run of Latin words inside a Chinese sentence is a name.
            ids = self._guess(tuple(token.form for token in scan.tokens[run : cue.start]))
            if ids:
                yield self._spend(scan, run, cue.start, ids)

    def _alone(self, scan: Scan) -> Iterator[_Found]:
        """An utterance that is a title and nothing else, or a misspelt one behind one word at most."""
        words = [place for place, token in enumerate(scan.tokens) if not token.is_mark]
        phrase = tuple(scan.tokens[place].form for place in words)
        if any(scan.spent) or _common(scan, 0, len(scan.tokens)) or phrase in self._vocabulary.values:
            return
        if phrase in self._names:
            yield self._spend(scan, 0, len(scan.tokens), self._names[phrase])
        elif not scan.cues and 2 <= len(words) <= _LONGEST_GUESS:
            start, ids = words[0], self._guess(phrase)
            if not ids:
                start, ids = words[1], self._guess(phrase[1:]) if len("".join(phrase[1:])) >= _TELLING else ()
            if ids:
                yield self._spend(scan, start, len(scan.tokens), ids)

    def _at(self, scan: Scan, start: int, *, guess: bool) -> _Found | None:
        exact = scan.match(start, self._names, self._longest, over_breaks=True)
        if exact is not None and not _common(scan, start, exact[0]):
            return _Found(start=start, end=exact[0], item_ids=exact[1])
        return self._misspelt(scan, start) if guess else None

    def _misspelt(self, scan: Scan, start: int) -> _Found | None:
        best: _Found | None = None
        fewest = 99.0
        forms: list[str] = []
        for place in range(start, len(scan.tokens)):
            token = scan.tokens[place]
            if scan.spent[place] or breaks(scan.tokens, place) or len(forms) == _LONGEST_GUESS:
                break
            if token.is_mark or token.is_cjk != scan.tokens[start].is_cjk:
                if token.is_mark:
                    continue
                break
            forms.append(token.form)
            if len("".join(forms)) < 4 or _common(scan, start, place + 1):
                continue
            near = self._nearest(tuple(forms))
            if not near:
                continue
            # Of equally good guesses the longer one: "crouching tiger hiden" is not yet the title.
            slips = near[0][1] - 0.1 * len(forms)
            if slips < fewest:
                fewest, best = slips, _Found(start=start, end=place + 1, item_ids=self._ids(near))
        return best

    def _guess(self, phrase: Phrase) -> tuple[str, ...]:
        return self._ids(self._nearest(phrase)) if len("".join(phrase)) >= 4 else ()

    def _nearest(self, phrase: Phrase) -> list[tuple[Phrase, float]]:
        """Names with few slips (letters left out, added, exchanged or swapped), those with fewest only."""
        said = "".join(phrase)
        forgiven = 1 if len(said) < _SHORT else 2 if len(said) < _MIDDLE else 3
        found = process.extract(said, self._joined, scorer=OSA.distance, score_cutoff=forgiven, limit=8)
        # A number is never a slip: 1980 is not 1984.
        found = [each for each in found if _digits("".join(each[2])) == _digits(said)]
        if not found:
            return []
        fewest = min(slips for _, slips, _ in found)
        return [(name, float(slips)) for _, slips, name in found if slips == fewest]

    def _ids(self, near: Sequence[tuple[Phrase, float]]) -> tuple[str, ...]:
        return self._likeliest(item_id for name, _ in near for item_id in self._names[name])

    def _likeliest(self, item_ids: Iterable[str]) -> tuple[str, ...]:
        """At most three, those of the larger domain first."""
        items, sizes = self._vocabulary.items, self._vocabulary.domain_sizes
        ordered = sorted(dict.fromkeys(item_ids), key=lambda item_id: (-sizes[items[item_id].domain], item_id))
        return tuple(ordered[:_MOST_OPTIONS])

    def _spend(self, scan: Scan, start: int, end: int, item_ids: tuple[str, ...]) -> _Found:
        year = _year_behind(scan, end)
        if year is not None:
            exact = tuple(i for i in item_ids if self._vocabulary.items[i].attributes.get("year") == year[1])
            item_ids, end = (exact, year[0]) if exact else (item_ids, end)
        scan.take(start, end)
        return _Found(start=start, end=end, item_ids=item_ids)


def _digits(text: str) -> list[str]:
    return [char for char in text if char.isdecimal()]


def _stance(scan: Scan, found: _Found) -> Stance:
    """What the clause says of a title: the nearest cue after it, else the nearest before it."""
    first, last = scan.clause(found.start)[0], scan.clause(max(found.end - 1, found.start))[1]
    if behind := scan.cues_in(found.end, last, *BEHIND):
        return stance_of(behind[0].names)
    ahead = [cue for cue in scan.cues_in(0, found.start, *AHEAD) if cue.start >= first or _joined(scan, cue, found)]
    # 和 and 跟 join titles as well as they compare: another cue before them counts.
    ahead = [cue for cue in ahead if "and" not in cue.names] or ahead
    stance = stance_of(ahead[-1].names) if ahead else "like"
    if stance == "love" and any(token.form in {"if", "如果"} for token in scan.tokens[first : ahead[-1].start]):
        return "like"
    return _of_like(scan, first, ahead[-1]) if ahead and stance == "like" else stance


def _of_like(scan: Scan, first: int, cue: Cue) -> Stance:
    """Words before the cue: "not like" refuses, "I like" loves."""
    refused = scan.cues_in(first, cue.start, "refuse")
    if refused and refused[-1].end >= cue.start - 2:
        return "seen"
    of_self = "like" in cue.names and cue.start > 0 and scan.tokens[cue.start - 1].form == "i"
    return "love" if of_self else "like"


def _joined(scan: Scan, cue: Cue, found: _Found) -> bool:
    """Whether only other titles and joints stand between a cue and a title."""
    return all(
        scan.spent[place] or scan.tokens[place].is_mark or scan.tokens[place].form in {"and", "or", "和", "跟", "与"}
        for place in range(cue.end, found.start)
    )


def _is_wish(scan: Scan, cue: Cue) -> bool:
    """No comparison but a wish: "I'd like", "would like"."""
    return (
        "like" in cue.names and cue.start > 0 and scan.tokens[cue.start - 1].form in {"id", "would", "wed", "ill", "d"}
    )


def _common(scan: Scan, start: int, end: int) -> bool:
    """Whether words are so common that they name a title only in quotes or in capitals: It, Up, Once, We."""
    words = [token for token in scan.tokens[start:end] if not token.is_mark]
    vocabulary = scan.vocabulary
    plain = all(
        token.form in vocabulary.idle
        or (token.form,) in vocabulary.domains
        or (token.form,) in vocabulary.values
        or (token.form,) in vocabulary.idle_phrases
        for token in words
    )
    capital = start > 0 and all(token.raw[0].isupper() or token.raw[0].isdigit() for token in words)
    return plain and not capital


def _past_idle(scan: Scan, place: int) -> int:
    """The next token that is not a filler such as "the film" or 那部."""
    while place < len(scan.tokens) and not scan.spent[place]:
        token = scan.tokens[place]
        domain = scan.match(place, scan.vocabulary.domains)
        if token.form in {"'", "‘"} or (token.form in scan.vocabulary.idle and not token.raw[0].isupper()):
            place += 1
        elif domain is not None:
            place = domain[0]
        else:
            phrase = scan.matches(place, scan.vocabulary.idle_phrases)
            if phrase is None:
                break
            place = phrase
    return place


def _past_joint(scan: Scan, place: int) -> int | None:
    start = place
    while place < len(scan.tokens):
        joint = scan.match(place, {cue: None for cue, names in scan.vocabulary.cues.items() if names & {"and", "or"}})
        if joint is not None:
            place = joint[0]
        elif scan.tokens[place].form in {",", "，", "、", "&"}:
            place += 1
        else:
            break
    return None if place == start or place >= len(scan.tokens) else place


def _only_idle(scan: Scan, start: int, end: int) -> bool:
    return all(
        scan.spent[k]
        or scan.tokens[k].is_mark
        or (scan.tokens[k].form,) in scan.vocabulary.idle_phrases
        or scan.tokens[k].form in scan.vocabulary.idle
        or (scan.tokens[k].form,) in scan.vocabulary.domains
        for k in range(start, end)
    )


def _year_behind(scan: Scan, end: int) -> tuple[int, float] | None:
    """The year that follows a title in brackets or bare, as (place after it, year)."""
    place = end
    while place < len(scan.tokens) and scan.tokens[place].form in {"'", "’", "(", "（"}:
        place += 1
    if place < len(scan.tokens) and scan.tokens[place].form.isdecimal() and len(scan.tokens[place].form) == 4:
        year = float(scan.tokens[place].form)
        place += 1
        if place < len(scan.tokens) and scan.tokens[place].form in {")", "）"}:
            place += 1
        return place, year
    return None
