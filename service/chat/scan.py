"""An utterance while it is read: its tokens, which of them are spent, and the cues that stand among them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from service.chat.lexicon import CueName
from service.chat.tokens import Phrase, breaks, cleaned, tokens_of
from service.chat.vocabulary import Vocabulary

T = TypeVar("T")
_LONGEST = 8
_NARROW = {"non", "非"}
"""Cues that refuse only what stands right behind them."""
_OF_WHAT = {"没有", "不含", "不带", "无"}
"""Cues that end at 的: 没有战争的科幻片 is science fiction."""
_SPENT = "\x1f"
_POLAR: frozenset[CueName] = frozenset({"refuse", "accept", "release", "hate", "love", "like", "softer"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Cue:
    """A cue in the utterance, by the places of its tokens: [start, end)."""

    start: int
    end: int
    names: frozenset[CueName]


class Scan:
    """Reads an utterance once from left to right for each kind of thing; what was read is not read again."""

    def __init__(self, utterance: str, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.text = cleaned(utterance)
        self.tokens = tokens_of(self.text, vocabulary.lexicon.traditional)
        self.spent = [False] * len(self.tokens)
        self.cues = tuple(self._find_cues())
        covered = {place for cue in self.cues if "but" not in cue.names for place in range(cue.start, cue.end)}
        self._breaks = {
            place for place in range(len(self.tokens)) if breaks(self.tokens, place) and self.tokens[place].form != "、"
        } | {cue.start for cue in self.cues if "but" in cue.names and cue.start not in covered}

    def take(self, start: int, end: int) -> None:
        """Spends the tokens of [start, end)."""
        for place in range(start, end):
            self.spent[place] = True

    def free(self, start: int, end: int) -> bool:
        """Whether none of [start, end) is spent."""
        return not any(self.spent[start:end])

    def match(
        self, start: int, index: Mapping[Phrase, T], longest: int = _LONGEST, *, over_breaks: bool = False
    ) -> tuple[int, T] | None:
        """The longest phrase of the index that begins at a place, as (end, value); None if there is none.

        Marks inside are passed over, but for those that end a clause, unless over_breaks.
        """
        forms: list[str] = []
        found = None
        for place in range(start, len(self.tokens)):
            if self.spent[place] or len(forms) == longest:
                break
            token = self.tokens[place]
            if token.is_mark:
                if (place == start and (token.form,) not in index) or (not over_breaks and breaks(self.tokens, place)):
                    break
                if place > start:
                    continue
            forms.append(token.form)
            if tuple(forms) in index:
                found = (place + 1, index[tuple(forms)])
        return found

    def matches(self, start: int, phrases: Collection[Phrase]) -> int | None:
        """The end of the longest of the phrases that begins at a place."""
        found = self.match(start, dict.fromkeys(phrases))
        return None if found is None else found[0]

    def clause(self, place: int) -> tuple[int, int]:
        """The clause around a place, as [start, end): between commas and the like, and words such as "but"."""
        start = max((each for each in self._breaks if each <= place), default=-1)
        end = min((each for each in self._breaks if each > place), default=len(self.tokens))
        return (max(start, 0), end)

    def cues_in(self, start: int, end: int, *names: CueName) -> list[Cue]:
        """The cues of these names within [start, end), in order."""
        wanted = frozenset(names)
        return [cue for cue in self.cues if cue.start >= start and cue.end <= end and cue.names & wanted]

    def has(self, *names: CueName) -> bool:
        """Whether a cue of one of these names stands anywhere."""
        return bool(self.cues_in(0, len(self.tokens), *names))

    def refused(self, place: int, end: int) -> bool:
        """Whether what stands at [place, end) is refused: by the nearest cue before it in its clause, or one after."""
        start, stop = self.clause(place)
        # 和 joins what is listed as well as it compares; it says nothing for or against.
        before = [cue for cue in self.cues_in(start, place, *_POLAR) if "and" not in cue.names]
        after = [cue for cue in self.cues_in(end, stop, "refuse_after") if self._idle(cue.end, stop)]
        if after and not (before and "refuse" in before[-1].names and after[0].start - end > 1):
            return True
        if before:
            return self._is_refusal(before[-1], place, stop)
        return self._inherits(start, place, stop)

    def released(self, place: int) -> bool:
        """Whether the clause says that what stands here no longer matters."""
        return bool(self.cues_in(*self.clause(place), "release"))

    def line(self) -> tuple[str, list[int]]:
        """The comparable text with spent tokens blotted out, and the place of each character's token (-1: none)."""
        text, places = "", []
        for place, token in enumerate(self.tokens):
            if place and self.tokens[place - 1].end < token.start:
                text += " "
                places.append(-1)
            form = _SPENT * len(token.form) if self.spent[place] else token.form
            text += form
            places += [place] * len(form)
        return text, places

    def _is_refusal(self, cue: Cue, place: int, stop: int) -> bool:
        if not cue.names & {"refuse", "hate", "softer"}:
            return False
        form = "".join(token.form for token in self.tokens[cue.start : cue.end])
        if form in _NARROW:
            return place == cue.end
        if form in _OF_WHAT and any(self.tokens[k].form == "的" for k in range(cue.end, place)):
            return False
        needed = self.vocabulary.lexicon.needs_after.get(form)
        rest = "".join(token.form for token in self.tokens[cue.end : stop])
        return needed is None or any(word in rest for word in needed)

    def _inherits(self, start: int, place: int, stop: int) -> bool:
        """A clause that only goes on with a list is refused with the one before: "no horror, thriller or war"."""
        if start == 0 or self.tokens[start].form not in {",", "，"} or self.cues_in(start, stop, *_POLAR):
            return False
        if not self.cues_in(start, stop, "or") or not self._idle(start + 1, place, only_lists=True):
            return False
        return self.refused(start - 1, start)

    def _idle(self, start: int, stop: int, *, only_lists: bool = False) -> bool:
        listing = {place for cue in self.cues_in(start, stop, "or", "and") for place in range(cue.start, cue.end)}
        for place in range(start, stop):
            token = self.tokens[place]
            if self.spent[place] or token.is_mark or place in listing:
                continue
            if only_lists or not (token.form in self.vocabulary.idle or (token.form,) in self.vocabulary.idle_phrases):
                return False
        return True

    def _find_cues(self) -> Iterator[Cue]:
        place = 0
        while place < len(self.tokens):
            found = self.match(place, self.vocabulary.cues)
            if found is None:
                place += 1
                continue
            yield Cue(start=place, end=found[0], names=found[1])
            place = found[0]
